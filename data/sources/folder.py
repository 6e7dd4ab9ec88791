"""A folder of your own images."""

from pathlib import Path
from typing import Annotated, Literal

from PIL import Image, ImageColor
from pydantic import AfterValidator, Field

from espalier.data.images import common_range, extremes, is_grey, to_square
from espalier.data.sources.files import find_images
from espalier.data.sources.source import DamagedImage, Example, Listing, Source

EIGHT_BIT = {".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".avif"}
"""Endings of formats that hold 8 bits a value."""


def _pillow_colour(value: str) -> str:
    ImageColor.getrgb(value)
    return value


def _read(path: Path, resolution: int, listing: Listing, background: str) -> Example:
    try:
        with Image.open(path) as image:
            return Example(to_square(image, resolution, listing.channels, background, listing.values))
    # Pillow raises almost any exception on a damaged file, so treat every exception as damage.
    except Exception as error:
        raise DamagedImage(f"{type(error).__name__}: {error}") from error


class FolderSource(Source):
    """All images under `root` that Pillow can read. First-level subfolders, if any, are the classes.

    Hidden files and folders are left out; links to folders are followed once.
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

    @property
    def max_damaged(self) -> float:
        return self.damaged

    def listing(self) -> Listing:
        names, notes = find_images(self.root)
        channels, values = self._survey(names)
        classes = sorted({n.split("/")[0] for n in names if "/" in n})
        if values is not None and self.range is None:
            notes.append(
                f"in float images {values[0]:g} is black and {values[1]:g} white, by the values of all; or set 'range'"
            )
        return Listing(names, self.channels or channels, classes, notes=notes, values=self.range or values)

    def _survey(self, names: list[str]) -> tuple[int, tuple[float, float] | None]:
        """1 if all images are grey, else 3; and the values of black and white of those whose mode does not say them."""
        channels, found = 1, list[float]()
        for name in names:
            if (channels == 3 or self.channels) and Path(name).suffix.lower() in EIGHT_BIT:
                continue
            try:
                with Image.open(self.root / name) as image:
                    channels = channels if is_grey(image) else 3
                    found += (extremes(image) or ()) if self.range is None else ()
            except Exception:  # damaged: reported later, when the image is read
                continue
        return channels, common_range(min(found), max(found)) if found else None

    def example(self, listing: Listing, index: int) -> Example:
        name = listing.names[index]
        example = _read(self.root / name, self.resolution, listing, self.background)
        label = listing.classes.index(name.split("/")[0]) if "/" in name else -1
        return Example(example.image, label, record={"file": name})
