"""A folder of your own images of people, with segmentation maps and sentences.

ROOT/images/*            images, any format that Pillow can read
ROOT/maps/NAME.png       for images/NAME.jpg: a palette or 8-bit grey PNG of the image's size, whose pixels are classes
ROOT/captions.csv        columns `file` and `sentence`; each further column is an attribute
"""

import csv
import hashlib
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from pydantic import Field

from espalier.data.errors import InputError
from espalier.data.images import map_to_square, to_square
from espalier.data.sources.files import find_images
from espalier.data.sources.source import DamagedImage, Example, Listing, Source

CLASSES = (
    "background",
    "hair and hat",
    "face, neck and sunglasses",
    "upper clothes",
    "trousers, skirt or dress",
    "legs and shoes",
    "arms and hands",
)
"""Names of a segmentation map's classes, by index."""

RIGHT_MAP = "expected a palette or 8-bit grey PNG whose pixels are " + ", ".join(
    f"{number} {name}" for number, name in enumerate(CLASSES)
)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Read the file's line numbers and values, skipping blank lines."""
    try:
        # utf-8-sig: spreadsheets write a byte order mark at the start.
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            return [(reader.line_num, [value.strip() for value in row]) for row in reader if any(row)]
    except FileNotFoundError as error:
        raise InputError(
            f"there is no {path}; expected a CSV file with the columns file,sentence and one line per image"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read ({error}); expected CSV, saved as UTF-8") from error


@lru_cache(maxsize=1)
def _captions(path: Path) -> dict[str, dict[str, str]]:
    """Read the row of each image, keyed by its file name."""
    (_, columns), *rows = _rows(path) or [(0, [])]
    missing = [name for name in ("file", "sentence") if name not in columns]
    if missing:
        raise InputError(
            f"{path} has no column {' and no column '.join(missing)}: its first line is {','.join(columns)!r}; "
            "expected: file,sentence and then any attributes, separated by commas"
        )
    captions: dict[str, dict[str, str]] = {}
    for line, values in rows:
        if len(values) != len(columns):
            raise InputError(
                f"{path} has {len(values)} values in line {line}, and {len(columns)} columns; a value with commas in it "
                'must be in quotes, such as "a red dress, long"'
            )
        caption = dict(zip(columns, values, strict=True))
        if not caption["sentence"]:
            raise InputError(f"{path} has an empty sentence in line {line} ({caption['file']}); describe the image")
        if caption["file"] in captions:
            raise InputError(f"{path} names {caption['file']} again in line {line}; expected one line per image")
        captions[caption["file"]] = caption
    return captions


def read_map(path: Path) -> NDArray[np.uint8]:
    """Read a segmentation map as classes 0 to 6, uint8 (H, W), with its EXIF orientation applied.

    Raises:
        DamagedImage: the map cannot be read, holds colours, or holds other classes.
    """
    try:
        with Image.open(path) as image:
            mode, values = image.mode, np.asarray(ImageOps.exif_transpose(image))
    # Pillow raises almost any exception on a damaged file, so treat every exception as damage.
    except Exception as error:
        raise DamagedImage(f"its map {path} cannot be read ({type(error).__name__}: {error})") from error
    if mode not in ("P", "L"):
        raise DamagedImage(f"its map {path} is saved as {mode}, not as classes; {RIGHT_MAP}")
    wrong = values >= len(CLASSES)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        found = _some([str(value) for value in np.unique(values[wrong])])
        raise DamagedImage(
            f"its map {path} has pixels of {found}, the first in row {row}, column {column} (counted from 0); {RIGHT_MAP}"
        )
    return values


def read_person(
    file: Path, classes: Path, resolution: int, channels: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read an image, uint8 (R, R, channels), and its map, uint8 (R, R), cropped and resized the same way.

    Raises:
        DamagedImage: either cannot be read, or their sizes differ.
    """
    values = read_map(classes)
    try:
        with Image.open(file) as opened:
            image = ImageOps.exif_transpose(opened)
            square = to_square(image, resolution, channels)
    except Exception as error:
        raise DamagedImage(f"{type(error).__name__}: {error}") from error
    if values.shape != (image.height, image.width):
        height, width = values.shape
        raise DamagedImage(
            f"its map {classes} is {width}x{height}, the image {image.width}x{image.height}; expected "
            "a map of the image's size, pixel for pixel"
        )
    return square, map_to_square(values, resolution)


class PeopleSource(Source):
    """Your own people: images, maps and sentences in the plain layout of docs/fashiongan-data.md.

    An image and its map are cropped and resized the same way. Records hold `file`, `sentence` and `attributes`.
    Whether an image is held out depends only on its file name, so adding images does not move it to the other split.
    """

    source: Literal["people"]
    split: Literal["train", "test", "all"] = Field(default="all", description="split to use")
    held_out: float = Field(default=0.1, ge=0, le=1, description="share of images in the test split")
    damaged: float = Field(default=0, ge=0, le=1, description="tolerated share of unreadable images or maps")

    @property
    def max_damaged(self) -> float:
        return self.damaged

    def listing(self) -> Listing:
        images = self.root / "images"
        if not images.is_dir():
            raise InputError(
                f"there is no folder {images}; expected images/, maps/ and captions.csv in the dataset's 'root'"
            )
        found, notes = find_images(images)
        names = [name for name in found if "/" not in name]
        _captions.cache_clear()
        self._check_maps(names)
        self._check_captions(names)
        chosen = [name for name in names if self.split == "all" or self._is_held_out(name) == (self.split == "test")]
        if not chosen:
            raise InputError(
                f"none of the {len(names)} images in {images} falls to 'split: {self.split}' with held_out "
                f"{self.held_out:g}; change the dataset's 'held_out' in params.yaml, or take 'split: all'"
            )
        return Listing(chosen, channels=3, has_maps=True, notes=notes)

    def _map(self, name: str) -> Path:
        return self.root / "maps" / f"{Path(name).stem}.png"

    def _check_maps(self, names: list[str]) -> None:
        without = [name for name in names if not self._map(name).is_file()]
        if without:
            raise InputError(
                f"{len(without)} of {len(names)} images in {self.root / 'images'} have no map: {_some(without)}; "
                f"expected {self._map(without[0])} for the first, a PNG of the same size"
            )
        stem, count = Counter(Path(name).stem for name in names).most_common(1)[0]
        if count > 1:
            raise InputError(
                f"{count} images in {self.root / 'images'} would share the map {stem}.png; give each its own name"
            )

    def _check_captions(self, names: list[str]) -> None:
        captions = _captions(self.root / "captions.csv")
        without = [name for name in names if name not in captions]
        if without:
            raise InputError(
                f"{self.root / 'captions.csv'} has no line for {len(without)} of {len(names)} images: "
                f"{_some(without)}; expected: {without[0]},a sentence about it"
            )
        unknown = sorted(captions.keys() - set(names))
        if unknown:
            raise InputError(
                f"{self.root / 'captions.csv'} names files that are no images in {self.root / 'images'}: "
                f"{_some(unknown)}; expected names as they are there, such as {names[0]}"
            )

    def _is_held_out(self, name: str) -> bool:
        digest = hashlib.sha256(name.encode()).digest()
        return int.from_bytes(digest[:8], "big") < self.held_out * 2**64

    def example(self, listing: Listing, index: int) -> Example:
        name = listing.names[index]
        image, classes = read_person(self.root / "images" / name, self._map(name), self.resolution, listing.channels)
        return Example(image, map=classes, record=self._record(name))

    def _record(self, name: str) -> dict[str, Any]:
        caption = dict(_captions(self.root / "captions.csv")[name])
        return {"file": caption.pop("file"), "sentence": caption.pop("sentence"), "attributes": caption}
