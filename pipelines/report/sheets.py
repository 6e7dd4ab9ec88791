"""Arrange small images in sheets for the page, and extract them from the grids that stages publish."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

Images = NDArray[np.uint8]
"""(N, R, R, channels)"""

SMALL, LARGE, GAP = 64, 128, 2
"""Side to which smaller images are upsampled (nearest neighbour), side to which larger ones are reduced, and the gap."""
GRID_COLUMNS, PAIR_COLUMNS = 8, 16
"""Columns of the grids that stages publish; of pairs of a segmentation map and the image generated from it."""


def sized(pixels: NDArray[np.uint8], side: int) -> "Image.Image":
    """Resize an image uint8 (R, R, channels) to RGBA of this side: nearest-neighbour upsampling or box averaging."""
    from PIL import Image

    if pixels.shape[-1] not in (1, 3):  # neither grey nor RGB: show the first channel
        pixels = pixels[..., :1]
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).convert("RGBA")
    sampling = Image.Resampling.NEAREST if image.width <= side else Image.Resampling.BOX
    return image.resize((side, side), sampling)


def side_for(largest: int) -> int:
    """The display side for images of up to this side: a multiple of it if it is small."""
    return min(largest * math.ceil(SMALL / largest), LARGE)


def sheet(images: Sequence[NDArray[np.uint8]] | Images, columns: int) -> "Image.Image":
    """Arrange images uint8 (R, R, channels), of any R, row by row at one size, with transparent gaps."""
    from PIL import Image

    side = side_for(max(image.shape[0] for image in images))
    cell, columns = side + GAP, min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    found = Image.new("RGBA", (columns * cell - GAP, rows * cell - GAP), (0, 0, 0, 0))
    for place, image in enumerate(images):
        found.paste(sized(image, side), (place % columns * cell, place // columns * cell))
    return found


def read_grid(file: Path, side: int, columns: int, count: int) -> Images | None:
    """The first images of a grid that a stage has published, at their original size; None if it is no such grid.

    The inverse of `espalier.stages.kinds.grids.grid`.
    """
    from PIL import Image

    from espalier.stages.kinds.grids import GAP as BETWEEN
    from espalier.stages.kinds.grids import GRID_WIDTH

    scale = max(1, math.ceil(GRID_WIDTH / (columns * side)))
    cell = side * scale + BETWEEN
    try:
        with Image.open(file) as image:
            pixels: Any = np.asarray(image.convert("RGB"))
    except OSError:
        return None
    if pixels.shape[1] != columns * cell + BETWEEN or (pixels.shape[0] - BETWEEN) % cell:
        return None
    there = columns * (pixels.shape[0] // cell)
    found = []
    for place in range(min(count, there)):
        x, y = place % columns * cell + BETWEEN, place // columns * cell + BETWEEN
        found.append(pixels[y + scale // 2 : y + side * scale : scale, x + scale // 2 : x + side * scale : scale])
    return np.stack(found)


def whole_image(file: Path, widest: int = 4096) -> "Image.Image | None":
    """A published image, reduced if wider than `widest`; None if it cannot be read."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            found = image.convert("RGB")
    except OSError:
        return None
    if found.width > widest:
        found = found.resize((widest, round(found.height * widest / found.width)), Image.Resampling.LANCZOS)
    return found


def spread(count: int, most: int) -> list[int]:
    """At most `most` evenly spaced indices below `count`, including the first and the last."""
    if count <= most:
        return list(range(count))
    return [round(place * (count - 1) / (most - 1)) for place in range(most)]
