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
"""(N, H, W, channels)"""

SMALL, LARGE, GAP = 64, 128, 2
"""Side to which smaller images are upsampled (nearest neighbour), side to which larger ones are reduced, and the gap."""
GRID_COLUMNS, PAIR_COLUMNS = 8, 16
"""Columns of the grids that stages publish; of pairs of a segmentation map and the image generated from it."""


def sized(pixels: NDArray[np.uint8], side: int) -> "Image.Image":
    """Resize an image uint8 (H, W, channels) to RGBA of this side, by nearest-neighbour upsampling or box averaging; what is not
    square is in the middle of a transparent one."""
    from PIL import Image

    if pixels.shape[-1] not in (1, 3):  # neither grey nor RGB: show the first channel
        pixels = pixels[..., :1]
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).convert("RGBA")
    longer = max(image.size)
    sampling = Image.Resampling.NEAREST if longer <= side else Image.Resampling.BOX
    size = [max(1, round(side * length / longer)) for length in image.size]
    found = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    found.paste(image.resize((size[0], size[1]), sampling), ((side - size[0]) // 2, (side - size[1]) // 2))
    return found


def side_for(largest: int) -> int:
    """The display side for images of up to this side: a multiple of it if it is small."""
    return min(largest * math.ceil(SMALL / largest), LARGE)


def sheet(images: Sequence[NDArray[np.uint8]] | Images, columns: int) -> "Image.Image":
    """Arrange images uint8 (H, W, channels), of any size, row by row at one size, with transparent gaps."""
    from PIL import Image

    side = side_for(max(max(image.shape[:2]) for image in images))
    cell, columns = side + GAP, min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    found = Image.new("RGBA", (columns * cell - GAP, rows * cell - GAP), (0, 0, 0, 0))
    for place, image in enumerate(images):
        found.paste(sized(image, side), (place % columns * cell, place // columns * cell))
    return found


def read_grid(file: Path, size: tuple[int, int], columns: int, count: int) -> Images | None:
    """The first images of a grid that a stage has published, at their original height and width; None if it is no such grid.

    The inverse of `espalier.stages.kinds.grids.grid`.
    """
    from PIL import Image

    from espalier.stages.kinds.grids import GAP as BETWEEN
    from espalier.stages.kinds.grids import GRID_WIDTH

    scale = max(1, math.ceil(GRID_WIDTH / (columns * max(size))))
    height, width = (length * scale for length in size)
    try:
        with Image.open(file) as image:
            pixels: Any = np.asarray(image.convert("RGB"))
    except OSError:
        return None
    if pixels.shape[1] != columns * (width + BETWEEN) + BETWEEN or (pixels.shape[0] - BETWEEN) % (height + BETWEEN):
        return None
    there = columns * (pixels.shape[0] // (height + BETWEEN))
    found = []
    for place in range(min(count, there)):
        x, y = place % columns * (width + BETWEEN) + BETWEEN, place // columns * (height + BETWEEN) + BETWEEN
        found.append(pixels[y + scale // 2 : y + height : scale, x + scale // 2 : x + width : scale])
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
