"""From a decoded picture of any kind, or its map, to a square uint8 array."""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageOps

GREY_MODES = {"1", "L", "I", "I;16", "I;16L", "I;16B", "I;16N", "F", "LA", "La"}
"""Pillow's modes that hold no colour."""


def is_grey(image: Image.Image) -> bool:
    """Whether the picture's mode holds no colour."""
    return image.mode in GREY_MODES


@cache
def _readable_endings() -> frozenset[str]:
    return frozenset(Image.registered_extensions())


def has_image_ending(path: Path) -> bool:
    """Whether the file's ending is one that Pillow reads."""
    return path.suffix.lower() in _readable_endings()


def _to_8_bit(image: Image.Image) -> Image.Image:
    """16-bit and float grey scaled to 0..255; Pillow's own conversion would clip them to white."""
    if image.mode == "F" or image.mode.startswith("I"):
        values = np.asarray(image, dtype=np.float64)
        top = (
            1.0
            if image.mode == "F" and values.max(initial=0) <= 1
            else 65535.0
            if values.max(initial=0) > 255
            else 255.0
        )
        if image.mode.startswith("I;16"):
            top = 65535.0
        return Image.fromarray(np.rint(values.clip(0, top) * (255.0 / top)).astype(np.uint8))
    return image


def _flatten_alpha(image: Image.Image, background: str) -> Image.Image:
    """Transparent pixels laid on the background colour."""
    if "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        image = image.convert("RGBA")
        canvas = Image.new("RGBA", image.size, ImageColor.getrgb(background))
        return Image.alpha_composite(canvas, image).convert("RGB")
    return image


def _padded(image: Image.Image) -> Image.Image:
    """28x28 pictures (the MNIST family) with black to 32x32, as the literature does; others as they are."""
    return ImageOps.expand(image, border=2, fill=0) if image.size == (28, 28) else image


def _centre(image: Image.Image) -> tuple[int, int, int, int]:
    """The largest square at the picture's centre: left, top, right, bottom."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return left, top, left + side, top + side


def to_square(image: Image.Image, resolution: int, channels: int, background: str = "white") -> NDArray[np.uint8]:
    """A picture as uint8 (resolution, resolution, channels).

    Turned as its EXIF says, 16-bit scaled, CMYK and palette to RGB, alpha on `background` (any Pillow colour),
    centre-cropped to a square, resized with an anti-aliasing filter. 28x28 pictures (the MNIST family) are
    padded with black to 32x32 first.

    Raises:
        OSError, ValueError, SyntaxError: from Pillow, when the picture cannot be decoded.
    """
    image = ImageOps.exif_transpose(image)
    image = _padded(_flatten_alpha(_to_8_bit(image), background).convert("L" if channels == 1 else "RGB"))
    box, side = _centre(image), min(image.size)
    if side == resolution:
        image = image.crop(box)
    else:
        exact_halving = side > resolution and side % resolution == 0
        filter_ = Image.Resampling.BOX if exact_halving and side <= 64 else Image.Resampling.LANCZOS
        image = image.resize((resolution, resolution), filter_, box=box)
    return np.asarray(image, dtype=np.uint8).reshape(resolution, resolution, channels)


def map_to_square(classes: NDArray[np.uint8], resolution: int) -> NDArray[np.uint8]:
    """A map of classes (H, W) as uint8 (resolution, resolution): each place where `to_square` puts the picture's.

    Of the pixels that fall together the one just past the middle stays: classes have no mean.
    """
    image = _padded(Image.fromarray(classes))
    image = image.resize((resolution, resolution), Image.Resampling.NEAREST, box=_centre(image))
    return np.asarray(image, dtype=np.uint8)
