"""Outlines: smooth curves through a few points, and ribbons along the centre line of a limb."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""Shape (n, 2): x to the right, y down."""

Limb = NDArray[np.float64]
"""Shape (n, 3): x, y and radius along a centre line, from the body outwards."""

STEPS = 8
"""Curve points per segment between two given points."""

_T = np.arange(STEPS) / STEPS
_BASIS = 0.5 * np.stack([-_T + 2 * _T**2 - _T**3, 2 - 5 * _T**2 + 3 * _T**3, _T + 4 * _T**2 - 3 * _T**3, _T**3 - _T**2])
_ROUND = np.linspace(0, 2 * np.pi, 33)
_CIRCLE = np.stack([np.cos(_ROUND), np.sin(_ROUND)], axis=1)


def smooth(points: NDArray[np.float64], closed: bool = False) -> NDArray[np.float64]:
    """Interpolate the points with a Catmull-Rom spline, shape (n * STEPS + 1, dimensions).

    A repeated point makes a corner. A closed curve ends where it starts.
    """
    before, after = (points[-1:], points[:2]) if closed else (points[:1], points[-1:])
    padded = np.concatenate([before, points, after])
    windows = np.stack([padded[:-3], padded[1:-2], padded[2:-1], padded[3:]])
    curve = (_BASIS.T @ windows.reshape(4, -1)).reshape(STEPS, -1, points.shape[1]).swapaxes(0, 1)
    # Between two equal points the spline would make a small loop.
    repeated = (windows[1] == windows[2]).all(axis=1)
    curve = np.where(repeated[:, None, None], windows[1][:, None, :], curve)
    return np.concatenate([curve.reshape(-1, points.shape[1]), padded[-2:-1]])


def outline(half: list[tuple[float, float]]) -> Points:
    """Build a closed smooth shape, symmetric about x = 0, from the points of its right half, top to bottom."""
    right = np.array(half)
    left = right[::-1] * (-1, 1)
    return smooth(np.concatenate([right, left]), closed=True)


def mirrored(right: Points) -> Points:
    """Build a closed shape, symmetric about x = 0, from its right side."""
    return np.concatenate([right, right[::-1] * (-1, 1), right[:1]])


def ellipse(x: float, y: float, radius_x: float, radius_y: float) -> Points:
    """A closed ellipse, shape (33, 2)."""
    return _CIRCLE * (radius_x, radius_y) + (x, y)


class Frame(NamedTuple):
    """A coordinate frame within an outer one: an affine map of points."""

    matrix: Points
    origin: Points

    def place(self, points: Points) -> Points:
        """Convert points to the outer coordinates."""
        placed: Points = points @ self.matrix + self.origin
        return placed

    def within(self, outer: "Frame") -> "Frame":
        """Compose with `outer`: map this frame to the coordinates that contain `outer`."""
        return Frame(self.matrix @ outer.matrix, outer.place(self.origin))


def scale(x: float, y: float, origin: tuple[float, float] = (0.0, 0.0)) -> Frame:
    """A frame whose units are `x` and `y` long."""
    return Frame(np.array([[x, 0.0], [0.0, y]]), np.array(origin))


def turn(angle: float, pivot: tuple[float, float] = (0.0, 0.0)) -> Frame:
    """A frame rotated clockwise (y is down) by `angle` radians about the pivot."""
    cos, sin = math.cos(angle), math.sin(angle)
    matrix = np.array([[cos, sin], [-sin, cos]])
    return Frame(matrix, np.array(pivot) - np.array(pivot) @ matrix)


def turned(points: Points, angle: float, pivot: tuple[float, float] = (0.0, 0.0)) -> Points:
    """Rotate the points clockwise (y is down) by `angle` radians about the pivot."""
    return turn(angle, pivot).place(points)


def _normals(limb: Limb) -> Points:
    steps = np.diff(limb[:, :2], axis=0)
    along = np.concatenate([steps[:1], steps[:-1] + steps[1:], steps[-1:]])
    along /= np.hypot(along[:, 0], along[:, 1])[:, None] + 1e-9
    return np.stack([-along[:, 1], along[:, 0]], axis=1)


def ribbon(limb: Limb) -> Points:
    """The limb's outline: out along one side and back along the other, open at the body's end."""
    offset = _normals(limb) * limb[:, 2:]
    return np.concatenate([limb[:, :2] + offset, (limb[:, :2] - offset)[::-1]])


def band(limb: Limb, low: float, high: float) -> Points:
    """The strip between `low` and `high` (-1..1 of the radius) across the limb; 1 is the image's right."""
    across = _normals(limb)
    if across[:, 0].sum() < 0:
        across = -across
    offset = across * limb[:, 2:]
    return np.concatenate([limb[:, :2] + offset * low, (limb[:, :2] + offset * high)[::-1]])


def widened(limb: Limb, first: float, last: float) -> Limb:
    """Widen the limb's radii by `first` at the body, changing linearly to `last` at the far end."""
    grown = limb.copy()
    grown[:, 2] += np.linspace(first, last, len(limb))
    return grown


def direction(limb: Limb) -> float:
    """The limb's clockwise rotation from hanging straight down, in radians."""
    across, down = limb[-1, :2] - limb[0, :2]
    return float(np.arctan2(-across, down))
