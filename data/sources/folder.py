"""A folder of your own images."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from PIL import Image, ImageColor
from pydantic import AfterValidator, Field

from espalier.data.errors import InputError
from espalier.data.images import has_image_ending, is_grey, to_square
from espalier.data.sources.source import DamagedImage, Example, Listing, Source


def _pillow_colour(value: str) -> str:
    ImageColor.getrgb(value)
    return value


def left_out(files: Iterable[Path]) -> list[str]:
    """A note for the user about non-image files, if there are any."""
    endings = [p.suffix.lower() or "no ending" for p in files if not has_image_ending(p)]
    if not endings:
        return []
    kinds = ", ".join(f"{count} x {ending}" for ending, count in Counter(endings).most_common(5))
    return [f"left out {len(endings)} files that are no images ({kinds})"]


def _read(path: Path, resolution: int, channels: int, background: str) -> Example:
    try:
        with Image.open(path) as image:
            return Example(to_square(image, resolution, channels, background))
    # Pillow raises almost any exception on a damaged file, so treat every exception as damage.
    except Exception as error:
        raise DamagedImage(f"{type(error).__name__}: {error}") from error


class FolderSource(Source):
    """All images under `root` that Pillow can read. First-level subfolders, if any, are the classes."""

    source: Literal["folder"]
    channels: Literal[1, 3] | None = Field(
        default=None, description="1 for grey, 3 for RGB; if unset, grey if all images are grey"
    )
    background: Annotated[str, AfterValidator(_pillow_colour)] = Field(
        default="white", description="background colour for transparent pixels"
    )
    damaged: float = Field(default=0.01, ge=0, le=1, description="tolerated share of unreadable files")

    @property
    def max_damaged(self) -> float:
        return self.damaged

    def listing(self) -> Listing:
        if not self.root.is_dir():
            raise InputError(f"the image folder {self.root} does not exist; check the dataset's 'root' in params.yaml")
        files = sorted(p for p in self.root.rglob("*") if p.is_file() and not p.name.startswith("."))
        names = [p.relative_to(self.root).as_posix() for p in files if has_image_ending(p)]
        if not names:
            raise InputError(
                f"no images in {self.root}: it holds {len(files)} files, none with an ending that Pillow reads "
                "(.png, .jpg, .webp, .tif, ...)"
            )
        classes = sorted({n.split("/")[0] for n in names if "/" in n})
        return Listing(names, self.channels or self._detect_channels(names), classes, notes=left_out(files))

    def _detect_channels(self, names: list[str]) -> int:
        for name in names:
            try:
                with Image.open(self.root / name) as image:
                    if not is_grey(image):
                        return 3
            except Exception:  # damaged: reported later, when the image is read
                continue
        return 1

    def example(self, listing: Listing, index: int) -> Example:
        name = listing.names[index]
        example = _read(self.root / name, self.resolution, listing.channels, self.background)
        label = listing.classes.index(name.split("/")[0]) if "/" in name else -1
        return Example(example.image, label, record={"file": name})
