"""A folder of your own images, or a .zip of one."""

from pathlib import Path
from statistics import median
from typing import Annotated, Any, Literal

from PIL import Image, ImageColor
from pydantic import AfterValidator, Field, model_validator

from espalier.data.frames import SQUARE, shape_of, sides
from espalier.data.images import PADDED, Fit, common_range, extremes, is_grey, shrink_on_load, to_frame, upright
from espalier.data.sources.archive import check_images, find_in_archive, open_in_archive
from espalier.data.sources.files import find_images
from espalier.data.sources.source import DamagedImage, Example, Listing, Source

FLOATLESS = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".avif", ".heic", ".heif"}
"""Endings of formats without float values."""
SURVEYED = 500
"""Images, of formats that hold no floats, that are opened to see whether all are grey; that others have colour is seen when they
are prepared."""


def _pillow_colour(value: str) -> str:
    ImageColor.getrgb(value)
    return value


class FolderSource(Source):
    """All images under `root` that Pillow can read. First-level subfolders, if any, are the classes.

    Hidden files and folders are left out; links to folders are followed once. `root` may be a .zip file of such a folder.
    """

    source: Literal["folder"]
    channels: Literal[1, 3] | None = Field(
        default=None, description="1 for grey, 3 for RGB; if unset, grey if all images are grey"
    )
    background: Annotated[str, AfterValidator(_pillow_colour)] = Field(
        default="white", description="background colour for transparent pixels"
    )
    range: tuple[float, float] | None = Field(
        default=None,
        description="values of black and white in float and 16-bit images; if unset, floats are scaled by the values of all",
    )
    damaged: float = Field(default=0.01, ge=0, le=1, description="tolerated share of unreadable files")
    fit: Literal["crop", "pad", "aspect"] = Field(
        default="crop",
        description="images that are not square: crop their middle, pad them with background, or aspect: train in the shape that "
        "most have, such as 64x48, whose longer side is the resolution",
    )
    decode: Literal["reduced", "full"] = Field(
        default="reduced",
        description="reduced: JPEGs are decoded at 1/2, 1/4 or 1/8 of their size, at least twice the resolution",
    )

    @model_validator(mode="before")
    @classmethod
    def _by_its_longer_side(cls, given: Any) -> Any:
        """With `fit: aspect`, a resolution such as 48 is the shorter side of 64x48."""
        side = given.get("resolution") if isinstance(given, dict) and given.get("fit") == "aspect" else None
        if isinstance(side, int) and side % 3 == 0 and side >= 3 and not (side // 3) & (side // 3 - 1):
            return {**given, "resolution": side // 3 * 4}
        return given

    @property
    def max_damaged(self) -> float:
        return self.damaged

    @property
    def _zipped(self) -> bool:
        return self.root.is_file()

    def check_root(self) -> None:
        check_images(self.root)

    def count_files(self) -> int:
        """The number of images, none of which is opened."""
        return len(self._found()[0])

    def _found(self) -> tuple[list[str], list[str]]:
        return (find_in_archive if self._zipped else find_images)(self.root)

    def listing(self) -> Listing:
        names, notes = self._found()
        channels, values = self._survey(names)
        classes = sorted({n.split("/")[0] for n in names if "/" in n})
        if values is not None and self.range is None:
            notes.append(
                f"in float images {values[0]:g} is black and {values[1]:g} white, by the values of all; or set 'range'"
            )
        chosen, assumed = self.channels or channels, self.channels is None and channels == 1
        shape = self._shape(names) if self.fit == "aspect" else SQUARE
        if self.fit == "aspect":
            high, wide = sides(self.resolution, shape)
            notes.append(f"images are {high}x{wide} (height x width), the shape that most have")
        return Listing(names, chosen, classes, notes=notes, values=self.range or values, shape=shape, assumed=assumed)

    def _shape(self, names: list[str]) -> tuple[int, int]:
        """The shape nearest to the middle one of the images, or of some of them, evenly chosen."""
        found = []
        for name in names[:: max(1, len(names) // SURVEYED)]:
            try:
                with self.open(name) as image:
                    found.append(upright(image))
            except Exception:  # damaged: reported later, when the image is read
                continue
        return shape_of(median(height / width for width, height in found)) if found else SQUARE

    def open(self, name: str) -> Image.Image:
        """An image of the folder or the archive, not decoded yet."""
        return Image.open(open_in_archive(self.root, name) if self._zipped else self.root / name)

    def _is_small(self, image: Image.Image, shape: tuple[int, int]) -> bool:
        """Whether an image is enlarged."""
        width, height = upright(image)
        high, wide = sides(self.resolution, shape)
        small = max(width, height) < self.resolution if self.fit == "pad" else width < wide or height < high
        return small and image.size != PADDED

    def _survey(self, names: list[str]) -> tuple[int, tuple[float, float] | None]:
        """1 if all images are grey, else 3; and the values of black and white of those whose mode does not say them.

        Of formats without float values, only some images are opened, evenly chosen, and none if the channels are known.
        """
        channels, found, every = 1, list[float](), max(1, len(names) // SURVEYED)
        for place, name in enumerate(names):
            known = channels == 3 or self.channels or place % every
            if known and Path(name).suffix.lower() in FLOATLESS:
                continue
            try:
                with self.open(name) as image:
                    channels = channels if is_grey(image) else 3
                    found += (extremes(image) or ()) if self.range is None else ()
            except Exception:  # damaged: reported later, when the image is read
                continue
        return channels, common_range(min(found), max(found)) if found else None

    def example(self, listing: Listing, index: int) -> Example:
        name = listing.names[index]
        label = listing.classes.index(name.split("/")[0]) if "/" in name else -1
        try:
            with self.open(name) as image:
                small = self._is_small(image, listing.shape)
                coloured = not is_grey(image)
                if self.decode == "reduced":
                    shrink_on_load(image, 2 * self.resolution)
                fit: Fit = "pad" if self.fit == "pad" else "crop"
                size = sides(self.resolution, listing.shape)
                frame = to_frame(image, size, listing.channels, self.background, listing.values, fit)
        # Pillow raises almost any exception on a damaged file, so treat every exception as damage.
        except Exception as error:
            raise DamagedImage(f"{type(error).__name__}: {error}") from error
        return Example(frame, label, record={"file": name}, enlarged=small, coloured=coloured)
