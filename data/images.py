"""From a decoded picture of any kind to a square uint8 array."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageOps

GREY_MODES = {"1", "L", "I", "I;16", "I;16L", "I;16B", "I;16N", "F", "LA", "La"}
"""Pillow's modes that hold no colour."""


def is_grey(image: Image.Image) -> bool:
    """Whether the picture's mode holds no colour."""
    return image.mode in GREY_MODES


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


def to_square(image: Image.Image, resolution: int, channels: int, background: str = "white") -> NDArray[np.uint8]:
    """A picture as uint8 (resolution, resolution, channels).

    Turned as its EXIF says, 16-bit scaled, CMYK and palette to RGB, alpha on `background` (any Pillow colour),
    centre-cropped to a square, resized with an anti-aliasing filter. 28x28 pictures (the MNIST family) are
    padded with black to 32x32 first, as the literature does.

    Raises:
        OSError, ValueError, SyntaxError: from Pillow, when the picture cannot be decoded.
    """
    image = ImageOps.exif_transpose(image)
    image = _flatten_alpha(_to_8_bit(image), background).convert("L" if channels == 1 else "RGB")
    if image.size == (28, 28):
        image = ImageOps.expand(image, border=2, fill=0)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    if side == resolution:
        image = image.crop(box)
    else:
        exact_halving = side > resolution and side % resolution == 0
        filter_ = Image.Resampling.BOX if exact_halving and side <= 64 else Image.Resampling.LANCZOS
        image = image.resize((resolution, resolution), filter_, box=box)
    return np.asarray(image, dtype=np.uint8).reshape(resolution, resolution, channels)
