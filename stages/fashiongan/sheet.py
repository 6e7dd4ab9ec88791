"""Contact sheets of translated people: photo, map, sentence, new map, result."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from espalier.stages.kinds.maps import coloured

SIDE, GAP, TEXT_WIDTH, LINE = 128, 6, 230, 17
INK, PAPER, FAINT = (30, 30, 36), "white", (120, 120, 128)


@dataclass(frozen=True)
class Row:
    """One row: a sentence, then images uint8 (R, R, channels) and maps uint8 (R, R), each under a column heading."""

    sentence: str
    images: Sequence[NDArray[np.uint8]]


def sheet(rows: Sequence[Row], heads: Sequence[str]) -> Image.Image:
    """Draw the rows under a line of column headings; the first is the sentence's."""
    columns = max(len(row.images) for row in rows)
    width, top = TEXT_WIDTH + columns * (SIDE + GAP) + GAP, LINE + 2 * GAP
    page = Image.new("RGB", (width, top + len(rows) * (SIDE + GAP)), PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(13)
    for place, head in enumerate(heads):
        x = GAP if place == 0 else TEXT_WIDTH + (place - 1) * (SIDE + GAP)
        draw.text((x, GAP), head, FAINT, font)
    for number, row in enumerate(rows):
        y = top + number * (SIDE + GAP)
        lines = textwrap.wrap(row.sentence, 32)[:7]
        draw.multiline_text((GAP, y + (SIDE - LINE * len(lines)) // 2), "\n".join(lines), INK, font, spacing=3)
        for place, image in enumerate(row.images):
            page.paste(_enlarged(image), (TEXT_WIDTH + place * (SIDE + GAP), y))
    return page


def _enlarged(pixels: NDArray[np.uint8]) -> Image.Image:
    """Resize to SIDE x SIDE: nearest neighbour, or box filter for larger images."""
    if pixels.ndim == 2:
        pixels = coloured(torch.from_numpy(np.array(pixels))[None])[0].permute(1, 2, 0).numpy()
    image = Image.fromarray(pixels.squeeze()).convert("RGB")
    sampling = Image.Resampling.NEAREST if image.width <= SIDE else Image.Resampling.BOX
    return image.resize((SIDE, SIDE), sampling)
