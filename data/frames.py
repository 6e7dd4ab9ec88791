"""The shapes of images that are not square: height and width double together from a small start."""

import math

SQUARE = (4, 4)
"""Height and width at the smallest size, from which both double."""
SHAPES = (SQUARE, (4, 3), (4, 2), (4, 1), (3, 4), (2, 4), (1, 4))
"""The shapes that images can have."""


def shape_of(aspect: float) -> tuple[int, int]:
    """The shape nearest to a height / width, by their ratio."""
    return min(SHAPES, key=lambda shape: abs(math.log(aspect * shape[1] / shape[0])))


def sides(resolution: int, shape: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the images of a shape whose longer side is `resolution`."""
    return resolution * shape[0] // 4, resolution * shape[1] // 4
