"""Lay out images in grids and save them."""

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from espalier.data.files import whole_file

GAP = 2
GRID_WIDTH = 768
"""Narrower grids are enlarged with nearest-neighbour scaling, so that 4x4 images are visible."""


def grid(images: Tensor, columns: int | None = None) -> Image.Image:
    """Lay out images uint8 (N, channels, R, R) side by side on white, enlarged if small."""
    columns = columns or math.ceil(math.sqrt(len(images)))
    rows, side = math.ceil(len(images) / columns), images.shape[-1]
    scale = max(1, math.ceil(GRID_WIDTH / (columns * side)))
    cell = side * scale + GAP
    sheet = Image.new("RGB", (columns * cell + GAP, rows * cell + GAP), "white")
    for place, pixels in enumerate(images.permute(0, 2, 3, 1).numpy()):
        image = Image.fromarray(pixels.squeeze()).resize((side * scale, side * scale), Image.Resampling.NEAREST)
        sheet.paste(image, (place % columns * cell + GAP, place // columns * cell + GAP))
    return sheet


def save_image(image: Image.Image, path: Path) -> None:
    """Save as PNG, atomically."""
    with whole_file(path) as partial:
        image.save(partial, format="PNG")


def save_animation(frames: Sequence[Image.Image], path: Path, seconds: float) -> None:
    """Save as a looping GIF, atomically."""
    with whole_file(path) as partial:
        frames[0].save(
            partial,
            format="GIF",
            save_all=True,
            append_images=frames[1:],
            loop=0,
            duration=1000 * seconds / len(frames),
        )
