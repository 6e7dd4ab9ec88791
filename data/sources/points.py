"""Points instead of images: the small distributions the literature uses to show mode collapse and cycling dynamics.

With k the mode of a point, drawn uniformly, and n ~ N(0, I), a point x is:

| shape         | x                                                                              | source |
|---------------|--------------------------------------------------------------------------------|--------|
| `ring`        | (cos a, sin a) + 0.01 n, a = 2 pi k / 8, k = 0..7                              | [1, 2] |
| `grid`        | c + 0.05 n, c in {-4, -2, 0, 2, 4}^2: 25 modes                                 | [1, 2] |
| `gaussians8`  | (2 (cos a, sin a) + 0.02 n) / 1.414, a = 2 pi k / 8, k = 0..7                  | [3]    |
| `gaussians25` | (2 c + 0.05 n) / 2.828, c in {-2, -1, 0, 1, 2}^2: 25 modes                     | [3]    |
| `swiss_roll`  | (t (cos t, sin t) + 0.25 n) / 7.5, t = 1.5 pi (1 + 2 u), u ~ U(0, 1): no modes | [3, 4] |
| `delta`       | 0, one number: no modes                                                        | [5]    |

1. Srivastava et al., "VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning" (2017).
2. Lin et al., "PacGAN: The power of two samples in generative adversarial networks" (2018), the source of the
   constants; its training set, too, is drawn once.
3. Gulrajani et al., "Improved Training of Wasserstein GANs" (2017), and the authors' gan_toy.py, the source of the
   constants. There `gaussians25` has equally many points in every mode, and the other two are redrawn for each batch.
4. scikit-learn's make_swiss_roll, its columns 0 and 2.
5. Mescheder et al., "Which Training Methods for GANs do actually Converge?" (2018), definition 2.1: the Dirac-GAN.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field


@dataclass(frozen=True, slots=True)
class Points:
    """Points with their ground truth.

    `points` float32 (count, d); `labels` int64 (count,): each point's mode, or -1 if there are no modes;
    `centres` float64 (K, d): the means of the modes, (0, d) if there are none; `std`: the standard deviation of
    every mode along every axis, in the units of the points, or None if there are no modes.
    """

    points: NDArray[np.float32]
    labels: NDArray[np.int64]
    centres: NDArray[np.float64]
    std: float | None


class PointSource(BaseModel):
    """Points drawn from a known distribution; see the module docstring. `root` is the path of the drawing code, tracked by DVC.

    The same shape, count and seed give bitwise identical points.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Literal["points"]
    root: Path
    shape: Literal["ring", "grid", "gaussians8", "gaussians25", "swiss_roll", "delta"]
    count: int = Field(default=100_000, ge=1, description="number of points to draw")
    seed: int = Field(default=0, ge=0, description="seed for drawing the points")

    def draw(self) -> Points:
        """Draw the points."""
        rng = np.random.default_rng(self.seed)
        match self.shape:
            case "ring":
                return _mixture(_circle(1.0), 0.01, self.count, rng)
            case "grid":
                return _mixture(_lattice(2.0), 0.05, self.count, rng)
            case "gaussians8":
                return _mixture(_circle(2.0) / 1.414, 0.02 / 1.414, self.count, rng)
            case "gaussians25":
                return _mixture(_lattice(2.0) / 2.828, 0.05 / 2.828, self.count, rng)
            case "swiss_roll":
                return _without_modes(_swiss_roll(self.count, rng))
            case "delta":
                return _without_modes(np.zeros((self.count, 1)))


def _circle(radius: float) -> NDArray[np.float64]:
    """Eight centres (8, 2) on a circle."""
    angles = 2 * math.pi * np.arange(8) / 8
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _lattice(step: float) -> NDArray[np.float64]:
    """Twenty-five centres (25, 2) on a square lattice around 0."""
    places = step * np.arange(-2, 3)
    return np.stack([np.repeat(places, 5), np.tile(places, 5)], axis=1)


def _mixture(centres: NDArray[np.float64], std: float, count: int, rng: np.random.Generator) -> Points:
    labels = rng.integers(len(centres), size=count)
    points = centres[labels] + std * rng.standard_normal((count, centres.shape[1]))
    return Points(points.astype(np.float32), labels, centres, std)


def _swiss_roll(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    t = 1.5 * math.pi * (1 + 2 * rng.uniform(size=(count, 1)))
    points = np.concatenate([t * np.cos(t), t * np.sin(t)], axis=1) + 0.25 * rng.standard_normal((count, 2))
    return points / 7.5


def _without_modes(points: NDArray[np.float64]) -> Points:
    count, dimensions = points.shape
    labels = np.full(count, -1, dtype=np.int64)
    return Points(points.astype(np.float32), labels, np.empty((0, dimensions)), None)
