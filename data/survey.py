"""Look at a folder of images before anything is chosen for it: count, sizes, shapes, channels, duplicates, damage, classes."""

import hashlib
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from scipy.spatial.distance import pdist

from espalier.data.images import shrink_on_load, to_8_bit, upright
from espalier.data.sources.folder import FolderSource

MOST = 2000
"""Images that are opened, evenly chosen; what is said of a larger folder is an estimate from these."""
THUMBNAIL, ALIKE = 16, 2.0
"""Two images are near duplicates if their grey thumbnails of this side differ by less than so many of 255 levels on average."""


@dataclass(frozen=True)
class Survey:
    """What was seen. `sides`: the shorter side's 10th, 50th and 90th percentile. `aspect`: the median of height / width, and the
    share of images within a tenth of it. `distinct` and `near`: shares of the images looked at that are no exact copies of an
    earlier one, and that are near duplicates of one. `brightest`: the largest value of 16-bit scans, if there are any.
    `seconds`: to decode one image."""

    root: Path
    count: int
    looked: int
    damaged: dict[str, str]
    channels: int
    classes: dict[str, int]
    sides: tuple[int, int, int]
    aspect: tuple[float, float]
    distinct: float
    near: float
    brightest: int | None
    seconds: float
    notes: list[str]

    @property
    def usable(self) -> int:
        """The number of different images that can be read, estimated from those that were looked at."""
        return round(self.count * (1 - len(self.damaged) / max(1, self.looked)) * self.distinct)


@dataclass(frozen=True)
class _Seen:
    """One image."""

    digest: bytes
    size: tuple[int, int]
    thumbnail: NDArray[np.uint8]
    brightest: int | None


def survey(root: Path) -> Survey:
    """Look at a folder of images, or a .zip of one.

    Raises:
        InputError: there is none, or it holds no images.
    """
    source = FolderSource(source="folder", root=root, resolution=4)
    listing = source.listing()
    names = listing.names
    chosen = names if len(names) <= MOST else [names[i * len(names) // MOST] for i in range(MOST)]
    seen, damaged, begun = list[_Seen](), dict[str, str](), time.perf_counter()
    for name in chosen:
        try:
            seen.append(_look(source, name))
        except Exception as error:  # Pillow raises almost any exception on a damaged file
            damaged[name] = f"{type(error).__name__}: {error}"
    seconds = (time.perf_counter() - begun) / max(1, len(chosen))
    shorter = np.array([min(one.size) for one in seen] or [0])
    shapes = np.array([height / width for width, height in (one.size for one in seen)] or [1.0])
    aspect = float(np.median(shapes))
    digests = {one.digest: one for one in seen}
    labels = Counter(name.split("/")[0] for name in names if "/" in name)
    low, middle, high = (int(p) for p in np.percentile(shorter, (10, 50, 90), method="nearest"))
    return Survey(
        root=root,
        count=len(names),
        looked=len(chosen),
        damaged=damaged,
        channels=listing.channels,
        classes={name: labels[name] for name in listing.classes},
        sides=(low, middle, high),
        aspect=(aspect, float((abs(shapes / aspect - 1) < 0.1).mean())),
        distinct=len(digests) / max(1, len(seen)),
        near=_near([one.thumbnail for one in digests.values()]),
        brightest=max((one.brightest for one in seen if one.brightest is not None), default=None),
        seconds=seconds,
        notes=listing.notes,
    )


def _look(source: FolderSource, name: str) -> _Seen:
    with source.open(name) as image:
        size = upright(image)
        shrink_on_load(image, 4 * THUMBNAIL)
        wide = image.mode == "F" or image.mode.startswith("I")
        least, largest = _extremes(image) if wide else (0.0, 255.0)
        small = to_8_bit(image, (least, largest)).convert("L")  # by its own values, or dark scans would all be alike
        small = ImageOps.exif_transpose(small).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
        pixels, mode = image.tobytes(), image.mode
    brightest = int(largest) if mode.startswith("I;16") else None
    return _Seen(hashlib.sha256(pixels).digest(), size, np.asarray(small), brightest)


def _extremes(image: Image.Image) -> tuple[float, float]:
    values = np.asarray(image)
    return float(values.min()), float(values.max())


def _near(thumbnails: list[NDArray[np.uint8]]) -> float:
    """The share of images that are nearly the same as an earlier one."""
    count = len(thumbnails)
    if count < 2:
        return 0.0
    distances = pdist(np.stack(thumbnails).reshape(count, -1).astype(np.float32), "cityblock") / THUMBNAIL**2
    later = np.triu_indices(count, 1)[1]
    return len(np.unique(later[distances < ALIKE])) / count
