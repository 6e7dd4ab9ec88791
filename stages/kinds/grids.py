"""Images laid out for people, and written."""

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from espalier.data.files import whole_file

GAP = 2
GRID_WIDTH = 768
"""Grids narrower than this are enlarged, each pixel to a square, so that 4x4 pictures can be looked at."""


def grid(pictures: Tensor, columns: int | None = None) -> Image.Image:
    """Pictures uint8 (N, channels, R, R) side by side on white, enlarged to be seen."""
    columns = columns or math.ceil(math.sqrt(len(pictures)))
    rows, side = math.ceil(len(pictures) / columns), pictures.shape[-1]
    scale = max(1, math.ceil(GRID_WIDTH / (columns * side)))
    cell = side * scale + GAP
    sheet = Image.new("RGB", (columns * cell + GAP, rows * cell + GAP), "white")
    for place, picture in enumerate(pictures.permute(0, 2, 3, 1).numpy()):
        image = Image.fromarray(picture.squeeze()).resize((side * scale, side * scale), Image.Resampling.NEAREST)
        sheet.paste(image, (place % columns * cell + GAP, place // columns * cell + GAP))
    return sheet


def save_picture(image: Image.Image, path: Path) -> None:
    """As PNG, whole or not at all."""
    with whole_file(path) as partial:
        image.save(partial, format="PNG")


def save_animation(frames: Sequence[Image.Image], path: Path, seconds: float) -> None:
    """As an endless GIF, whole or not at all."""
    with whole_file(path) as partial:
        frames[0].save(
            partial,
            format="GIF",
            save_all=True,
            append_images=frames[1:],
            loop=0,
            duration=1000 * seconds / len(frames),
        )
