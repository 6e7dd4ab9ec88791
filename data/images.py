"""Convert a decoded image of any mode, or its segmentation map, to a square uint8 array."""

import io
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageColor, ImageOps
from PIL.EpsImagePlugin import has_ghostscript

with suppress(ImportError):  # optional: it opens the photos of iPhones
    from pillow_heif import register_heif_opener

    register_heif_opener()

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


def upright(image: Image.Image) -> tuple[int, int]:
    """Width and height of an image that is not decoded yet, as its EXIF orientation shows it."""
    turned = image.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)
    return (image.height, image.width) if turned else (image.width, image.height)


ORIENTATION = 0x0112
"""The EXIF tag."""


def shrink_on_load(image: Image.Image, side: int) -> None:
    """Let a JPEG that is not decoded yet be decoded at 1/2, 1/4 or 1/8, so that its sides stay at least this long."""
    image.draft(image.mode, (side, side))


@cache
def _to_srgb(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The conversion from a colour profile to sRGB; None if it is sRGB already, or cannot be used."""
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(own).lower():
            return None
        to = "RGB" if mode == "CMYK" else mode
        return ImageCms.buildTransform(own, ImageCms.createProfile("sRGB"), mode, to)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def _in_srgb(image: Image.Image) -> Image.Image:
    """Convert colours by the profile that a colour image carries."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK"):
        return image
    transform = _to_srgb(profile, image.mode)
    return image if transform is None else ImageCms.applyTransform(image, transform) or image


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


def to_8_bit(image: Image.Image, values: tuple[float, float] | None) -> Image.Image:
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


PADDED = (28, 28)
"""Size of the images that are padded instead of enlarged."""


def _padded(image: Image.Image) -> Image.Image:
    """Pad 28x28 images (the MNIST family) with black to 32x32, as the literature does; leave others unchanged."""
    return ImageOps.expand(image, border=2, fill=0) if image.size == PADDED else image


Fit = Literal["crop", "pad"]
"""What is done with an image of another shape: cut off what is too long, or add bars."""


def _centre(image: Image.Image, height: int, width: int) -> tuple[int, int, int, int]:
    """The largest centred box of a shape: left, top, right, bottom."""
    wide = image.width * height > image.height * width
    across = image.height * width // height if wide else image.width
    down = image.height if wide else image.width * height // width
    left, top = (image.width - across) // 2, (image.height - down) // 2
    return left, top, left + across, top + down


def to_square(
    image: Image.Image,
    resolution: int,
    channels: int,
    background: str = "white",
    values: tuple[float, float] | None = None,
) -> NDArray[np.uint8]:
    """Convert an image to uint8 (resolution, resolution, channels).

    Applies the EXIF orientation and the colour profile, scales float and 16-bit `values` (those of black and white; by
    default 0 and 1 for floats, 0 and 65535 for integers), converts CMYK and palette images to RGB, composites alpha onto
    `background` (any Pillow colour), centre-crops to a square and resizes with an anti-aliasing filter. 28x28 images (the
    MNIST family) are padded with black to 32x32 first.

    Raises:
        OSError, ValueError, SyntaxError: from Pillow, when the image cannot be decoded; or it holds NaN.
    """
    return to_frame(image, (resolution, resolution), channels, background, values)


def to_frame(
    image: Image.Image,
    size: tuple[int, int],
    channels: int,
    background: str = "white",
    values: tuple[float, float] | None = None,
    fit: Fit = "crop",
) -> NDArray[np.uint8]:
    """The same for uint8 (height, width, channels) of any `size`; with `pad`, the whole image with bars of `background`."""
    height, width = size
    image = _in_srgb(ImageOps.exif_transpose(image))
    image = _padded(_flatten_alpha(to_8_bit(image, values), background).convert("L" if channels == 1 else "RGB"))
    if fit == "pad":
        image = ImageOps.pad(image, (width, height), Image.Resampling.LANCZOS, color=background)
    elif (box := _centre(image, height, width)) and (box[2] - box[0], box[3] - box[1]) == (width, height):
        image = image.crop(box)
    else:
        side = min(image.size)
        exact_halving = height == width and side > height and side % height == 0
        filter_ = Image.Resampling.BOX if exact_halving and side <= 64 else Image.Resampling.LANCZOS
        image = image.resize((width, height), filter_, box=box)
    return np.asarray(image, dtype=np.uint8).reshape(height, width, channels)


def map_to_square(classes: NDArray[np.uint8], resolution: int) -> NDArray[np.uint8]:
    """Resize a segmentation map (H, W) to uint8 (resolution, resolution), aligned with the output of `to_square`.

    Where several pixels merge, the one just past the middle is kept: class labels cannot be averaged.
    """
    image = _padded(Image.fromarray(classes))
    image = image.resize((resolution, resolution), Image.Resampling.NEAREST, box=_centre(image, 1, 1))
    return np.asarray(image, dtype=np.uint8)
