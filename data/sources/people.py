"""A folder of the user's own pictures of people, with their segmentation maps and sentences.

ROOT/images/*            pictures, any format that Pillow reads
ROOT/maps/NAME.png       for images/NAME.jpg: a PNG of the picture's size, palette or 8-bit grey, whose pixels are classes
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
from espalier.data.images import has_image_ending, map_to_square, to_square
from espalier.data.sources.folder import left_out
from espalier.data.sources.source import DamagedPicture, Listing, Picture, Source

CLASSES = (
    "background",
    "hair and hat",
    "face, neck and sunglasses",
    "upper clothes",
    "trousers, skirt or dress",
    "legs and shoes",
    "arms and hands",
)
"""What the pixels of a map say, by number."""

RIGHT_MAP = "right would be a palette or 8-bit grey PNG whose pixels are " + ", ".join(
    f"{number} {name}" for number, name in enumerate(CLASSES)
)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """The file's line numbers and values, without blank lines."""
    try:
        # utf-8-sig: spreadsheets put a mark at the file's beginning.
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            return [(reader.line_num, [value.strip() for value in row]) for row in reader if any(row)]
    except FileNotFoundError as error:
        raise InputError(
            f"there is no {path}; right would be a CSV file with the columns file,sentence and a line a picture"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read ({error}); right would be CSV, saved as UTF-8") from error


@lru_cache(maxsize=1)
def _captions(path: Path) -> dict[str, dict[str, str]]:
    """The values of each picture's line, by the picture's file name."""
    (_, columns), *rows = _rows(path) or [(0, [])]
    missing = [name for name in ("file", "sentence") if name not in columns]
    if missing:
        raise InputError(
            f"{path} has no column {' and no column '.join(missing)}: its first line is {','.join(columns)!r}; "
            "right would be: file,sentence and then any attributes, separated by commas"
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
            raise InputError(f"{path} has an empty sentence in line {line} ({caption['file']}); describe the picture")
        if caption["file"] in captions:
            raise InputError(f"{path} names {caption['file']} again in line {line}; right would be one line a picture")
        captions[caption["file"]] = caption
    return captions


def read_map(path: Path) -> NDArray[np.uint8]:
    """A map's classes, uint8 (H, W), 0 to 6, turned as its EXIF says.

    Raises:
        DamagedPicture: it cannot be read, holds colours, or holds other classes.
    """
    try:
        with Image.open(path) as image:
            mode, values = image.mode, np.asarray(ImageOps.exif_transpose(image))
    # Pillow's readers raise nearly anything on a damaged file, so anything they raise is damage.
    except Exception as error:
        raise DamagedPicture(f"its map {path} cannot be read ({type(error).__name__}: {error})") from error
    if mode not in ("P", "L"):
        raise DamagedPicture(f"its map {path} is saved as {mode}, not as classes; {RIGHT_MAP}")
    wrong = values >= len(CLASSES)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        found = _some([str(value) for value in np.unique(values[wrong])])
        raise DamagedPicture(
            f"its map {path} has pixels of {found}, the first in row {row}, column {column} (counted from 0); {RIGHT_MAP}"
        )
    return values


def read_person(
    picture: Path, classes: Path, resolution: int, channels: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A picture and its map, cropped and resized alike: uint8 (R, R, channels), and classes uint8 (R, R).

    Raises:
        DamagedPicture: one cannot be read, or the map is of another size.
    """
    values = read_map(classes)
    try:
        with Image.open(picture) as opened:
            image = ImageOps.exif_transpose(opened)
            square = to_square(image, resolution, channels)
    except Exception as error:
        raise DamagedPicture(f"{type(error).__name__}: {error}") from error
    if values.shape != (image.height, image.width):
        height, width = values.shape
        raise DamagedPicture(
            f"its map {classes} is {width}x{height}, the picture {image.width}x{image.height}; right would "
            "be a map of the picture's size, a pixel a pixel"
        )
    return square, map_to_square(values, resolution)


class PeopleSource(Source):
    """The user's own people: pictures, maps and sentences in the plain layout of docs/fashiongan-data.md.

    A picture and its map are cropped and resized alike. Records hold `file`, `sentence` and `attributes`. Whether a
    picture is held out is decided by its file name alone, so that it stays where it is when others come.
    """

    source: Literal["people"]
    split: Literal["train", "test", "all"] = Field(default="all", description="which part of the pictures")
    held_out: float = Field(default=0.1, ge=0, le=1, description="share of the pictures that are the test part")
    damaged: float = Field(default=0, ge=0, le=1, description="share of unreadable pictures or maps that is tolerated")

    @property
    def max_damaged(self) -> float:
        return self.damaged

    def listing(self) -> Listing:
        images = self.root / "images"
        if not images.is_dir():
            raise InputError(
                f"there is no folder {images}; right would be images/, maps/ and captions.csv in the dataset's 'root'"
            )
        files = sorted(p for p in images.iterdir() if p.is_file() and not p.name.startswith("."))
        names = [p.name for p in files if has_image_ending(p)]
        if not names:
            raise InputError(f"no pictures in {images}: it holds {len(files)} files, none that Pillow reads")
        _captions.cache_clear()
        self._check_maps(names)
        self._check_captions(names)
        chosen = [name for name in names if self.split == "all" or self._is_held_out(name) == (self.split == "test")]
        if not chosen:
            raise InputError(
                f"none of the {len(names)} pictures in {images} falls to 'split: {self.split}' with held_out "
                f"{self.held_out:g}; change the dataset's 'held_out' in params.yaml, or take 'split: all'"
            )
        return Listing(chosen, channels=3, has_maps=True, notes=left_out(files))

    def _map(self, name: str) -> Path:
        return self.root / "maps" / f"{Path(name).stem}.png"

    def _check_maps(self, names: list[str]) -> None:
        without = [name for name in names if not self._map(name).is_file()]
        if without:
            raise InputError(
                f"{len(without)} of {len(names)} pictures in {self.root / 'images'} have no map: {_some(without)}; "
                f"right would be {self._map(without[0])} for the first, a PNG of the same size"
            )
        stem, count = Counter(Path(name).stem for name in names).most_common(1)[0]
        if count > 1:
            raise InputError(
                f"{count} pictures in {self.root / 'images'} would share the map {stem}.png; give each its own name"
            )

    def _check_captions(self, names: list[str]) -> None:
        captions = _captions(self.root / "captions.csv")
        without = [name for name in names if name not in captions]
        if without:
            raise InputError(
                f"{self.root / 'captions.csv'} has no line for {len(without)} of {len(names)} pictures: "
                f"{_some(without)}; right would be: {without[0]},a sentence about it"
            )
        unknown = sorted(captions.keys() - set(names))
        if unknown:
            raise InputError(
                f"{self.root / 'captions.csv'} names files that are no pictures in {self.root / 'images'}: "
                f"{_some(unknown)}; right would be names as they are there, such as {names[0]}"
            )

    def _is_held_out(self, name: str) -> bool:
        digest = hashlib.sha256(name.encode()).digest()
        return int.from_bytes(digest[:8], "big") < self.held_out * 2**64

    def picture(self, listing: Listing, index: int) -> Picture:
        name = listing.names[index]
        image, classes = read_person(self.root / "images" / name, self._map(name), self.resolution, listing.channels)
        return Picture(image, map=classes, record=self._record(name))

    def _record(self, name: str) -> dict[str, Any]:
        caption = dict(_captions(self.root / "captions.csv")[name])
        return {"file": caption.pop("file"), "sentence": caption.pop("sentence"), "attributes": caption}
