"""Fabrics and their patterns: plain, striped, dotted, checked."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from espalier.data.dolls.colours import Rgb, brightness, darker, lighter

Pattern = Literal["plain", "striped", "dotted", "checked"]

_PERIOD: dict[Pattern, float] = {"striped": 0.046, "dotted": 0.042, "checked": 0.062}
"""Period of the pattern, as a fraction of the image's side: about 3 pixels at 64x64."""


@dataclass(frozen=True, slots=True)
class Fabric:
    """A colour and the pattern on it."""

    colour: Rgb
    pattern: Pattern = "plain"

    @property
    def second(self) -> Rgb:
        """The pattern's colour: light on dark fabrics, dark on light ones."""
        return darker(self.colour, 0.5) if brightness(self.colour) > 185 else lighter(self.colour, 0.78)


def pattern_strength(
    pattern: Pattern, x: NDArray[np.float64], y: NDArray[np.float64], turn: float
) -> NDArray[np.float64]:
    """Share of the second colour (0..1) at the broadcast coordinates (fractions of the image's side)."""
    cos, sin, period = math.cos(turn), math.sin(turn), _PERIOD[pattern]
    u, v = (x * cos + y * sin) / period, (y * cos - x * sin) / period
    if pattern == "striped":
        strength = 1.0 * (v % 1 < 0.4)
    elif pattern == "dotted":
        across, down = (u + 0.5 * (v // 1 % 2)) % 1 - 0.5, v % 1 - 0.5
        strength = 1.0 * (across**2 + down**2 < 0.085)
    else:
        strength = 0.38 * (u % 1 < 0.5) + 0.38 * (v % 1 < 0.5)
    return np.asarray(strength, dtype=np.float64)
