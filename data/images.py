"""Convert a decoded image of any mode, or its segmentation map, to a square uint8 array."""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageOps
from PIL.EpsImagePlugin import has_ghostscript

GREY_MODES = {"1", "L", "I", "I;16", "I;16L", "I;16B", "I;16N", "F", "LA", "La"}
"""Pillow's modes without colour."""


def is_grey(image: Image.Image) -> bool:
    """Whether the image is greyscale."""
    return image.mode in GREY_MODES


UNDECODABLE = {"BUFR", "GRIB", "HDF5", "WMF", "MPEG"}
"""Formats that Pillow recognises but does not decode by itself."""


@cache
def _readable_endings() -> frozenset[str]:
    endings = Image.registered_extensions()
    readable = {*Image.OPEN, "MPO"} - UNDECODABLE - (set() if has_ghostscript() else {"EPS"})  # MPO: by the JPEG reader
    return frozenset(ending for ending, kind in endings.items() if kind in readable)


def has_image_ending(path: Path) -> bool:
    """Whether Pillow can read files with this extension."""
    return path.suffix.lower() in _readable_endings()


def extremes(image: Image.Image) -> tuple[float, float] | None:
    """The least and the largest value of an image whose range its mode does not say: float, or 32-bit integer."""
    if image.mode not in ("F", "I"):
        return None
    values = _finite(image)
    return float(values.min()), float(values.max())


def common_range(least: float, largest: float) -> tuple[float, float]:
    """The values of black and white for images with these extremes: 0 and the usual 1, 255 or 65535 that holds them."""
    if least < 0:
        return least, largest
    return 0.0, next((top for top in (1.0, 255.0, 65535.0) if largest <= top), largest)


def _finite(image: Image.Image) -> NDArray[np.float64]:
    values = np.asarray(image, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("it holds NaN or infinite values")
    return values


def _to_8_bit(image: Image.Image, values: tuple[float, float] | None) -> Image.Image:
    """Scale 16-bit and float greyscale to 0..255; Pillow's own conversion would clip them to white."""
    if image.mode != "F" and not image.mode.startswith("I"):
        return image
    black, white = values or ((0.0, 1.0) if image.mode == "F" else (0.0, 65535.0))
    share = (_finite(image) - black) / (white - black) if white > black else np.zeros((image.height, image.width))
    return Image.fromarray(np.rint(share.clip(0, 1) * 255).astype(np.uint8))


def _flatten_alpha(image: Image.Image, background: str) -> Image.Image:
    """Composite transparent pixels onto the background colour."""
    if "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        image = image.convert("RGBA")
        canvas = Image.new("RGBA", image.size, ImageColor.getrgb(background))
        return Image.alpha_composite(canvas, image).convert("RGB")
    return image


def _padded(image: Image.Image) -> Image.Image:
    """Pad 28x28 images (the MNIST family) with black to 32x32, as the literature does; leave others unchanged."""
    return ImageOps.expand(image, border=2, fill=0) if image.size == (28, 28) else image


def _centre(image: Image.Image) -> tuple[int, int, int, int]:
    """The largest centred square: left, top, right, bottom."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return left, top, left + side, top + side


def to_square(
    image: Image.Image,
    resolution: int,
    channels: int,
    background: str = "white",
    values: tuple[float, float] | None = None,
) -> NDArray[np.uint8]:
    """Convert an image to uint8 (resolution, resolution, channels).

    Applies the EXIF orientation, scales float and 16-bit `values` (those of black and white; by default 0 and 1 for floats, 0
    and 65535 for integers), converts CMYK and palette images to RGB, composites alpha onto
    `background` (any Pillow colour), centre-crops to a square and resizes with an anti-aliasing filter. 28x28 images
    (the MNIST family) are padded with black to 32x32 first.

    Raises:
        OSError, ValueError, SyntaxError: from Pillow, when the image cannot be decoded; or it holds NaN.
    """
    image = ImageOps.exif_transpose(image)
    image = _padded(_flatten_alpha(_to_8_bit(image, values), background).convert("L" if channels == 1 else "RGB"))
    box, side = _centre(image), min(image.size)
    if side == resolution:
        image = image.crop(box)
    else:
        exact_halving = side > resolution and side % resolution == 0
        filter_ = Image.Resampling.BOX if exact_halving and side <= 64 else Image.Resampling.LANCZOS
        image = image.resize((resolution, resolution), filter_, box=box)
    return np.asarray(image, dtype=np.uint8).reshape(resolution, resolution, channels)


def map_to_square(classes: NDArray[np.uint8], resolution: int) -> NDArray[np.uint8]:
    """Resize a segmentation map (H, W) to uint8 (resolution, resolution), aligned with the output of `to_square`.

    Where several pixels merge, the one just past the middle is kept: class labels cannot be averaged.
    """
    image = _padded(Image.fromarray(classes))
    image = image.resize((resolution, resolution), Image.Resampling.NEAREST, box=_centre(image))
    return np.asarray(image, dtype=np.uint8)
