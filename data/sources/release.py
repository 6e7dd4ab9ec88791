"""FashionGAN's data as released by its authors: the files, their orientation and their contents.

Source: Zhu et al., "Be Your Own Prada: Fashion Synthesis with Structural Coherence" (ICCV 2017), read as the released
code reads it (sr1/train.lua, ih1/train.lua, demo_release/demo_full.lua, language/train_te.py):

ROOT/supervision_signals/G1.h5      b_ (N, 1, 128, 128) maps of classes 0..6, rows first
ROOT/supervision_signals/G2.h5      ih (N, 3, 128, 128) photos minus ih_mean (3, 128, 128), and b_: all columns first
ROOT/benchmark/ind.mat              train_ind, test_ind; test_set_pair_ind, the sentence donor of each test image: 1..N
ROOT/benchmark/language_original.mat                      engJ, nameList, cate_new, color_, gender_, sleeve_: N of each
ROOT/test_phase_inputs/encode_hn2_rnn_100_2_full.mat      hn2 (N, 100) sentence codes
ROOT/test_phase_inputs/sr1_8.mat    d (8, 8, 4, N) shares of hair, face, rest and background, rows first
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from espalier.data.errors import InputError
from espalier.data.sources.matlab import h5_file, mat_variable

SIDE = 128
CODE_WIDTH = 100
CLASSES = 7
SAMPLE = 32
"""Number of images used to check the orientation of the files."""

ATTRIBUTES = {"category": "cate_new", "colour": "color_", "gender": "gender_", "sleeve": "sleeve_"}
"""Attribute names: ours to language_original.mat's."""

WHERE_FROM = "docs/fashiongan-data.md says where each file is from and where it belongs"

G1, G2 = Path("supervision_signals/G1.h5"), Path("supervision_signals/G2.h5")
INDICES, LANGUAGE = Path("benchmark/ind.mat"), Path("benchmark/language_original.mat")
CODES, CONSTRAINTS = Path("test_phase_inputs/encode_hn2_rnn_100_2_full.mat"), Path("test_phase_inputs/sr1_8.mat")


@dataclass(frozen=True)
class Images:
    """G1.h5 and G2.h5, open: N images, numbered from 0. `maps`, `photos` and `photo_maps` are HDF5 datasets, as stored."""

    root: Path
    maps: Any
    photos: Any
    photo_maps: Any
    photo_mean: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.maps)

    def photo(self, number: int) -> NDArray[np.float32]:
        """A photo, float32 (128, 128, 3), in 0..1 up to rounding, rows first."""
        upright: NDArray[np.float32] = (self.photos[number] + self.photo_mean).transpose(2, 1, 0)
        return upright

    def map(self, number: int) -> NDArray[np.uint8]:
        """A photo's segmentation map, uint8 (128, 128), rows first.

        Raises:
            InputError: some classes are not in 0..6.
        """
        return self._classes(G1, self.maps, number)

    def photo_map(self, number: int) -> NDArray[np.uint8]:
        """The same map as stored with the photo in G2.h5."""
        return self._classes(G2, self.photo_maps, number).T

    def _classes(self, file: Path, maps: Any, number: int) -> NDArray[np.uint8]:
        classes: NDArray[Any] = maps[number, 0]
        wrong = ~np.isin(classes, np.arange(CLASSES))
        if wrong.any():
            raise InputError(
                f"{self.root / file}: b_ has pixels of {', '.join(f'{v:g}' for v in np.unique(classes[wrong])[:5])} in "
                f"image {number + 1} of {len(maps)}; expected the classes 0 to {CLASSES - 1}; {WHERE_FROM}"
            )
        return classes.astype(np.uint8)


@dataclass(frozen=True)
class Release:
    """The images, and a name, a sentence, its code (N, 100), and of each attribute the value for each of them."""

    images: Images
    names: list[str]
    sentences: list[str]
    codes: NDArray[np.float32]
    attributes: dict[str, list[str]]
    splits: dict[str, NDArray[np.int64]]
    """The numbers of the images of "train" and of "test"."""
    donors: NDArray[np.int64]
    """Of each image of "test", the number of the image whose sentence is its condition."""


@lru_cache(maxsize=1)
def open_release(root: Path) -> Release:
    """Open the release in a folder; once per process.

    Raises:
        InputError: a file or variable is missing, unreadable or has another shape, or an index matches no image.
    """
    images = _open_images(root)
    count = len(images)
    sentences, names = (_column(root / LANGUAGE, name, count) for name in ("engJ", "nameList"))
    attributes = {ours: _numbers(root / LANGUAGE, theirs, count) for ours, theirs in ATTRIBUTES.items()}
    codes = mat_variable(root / CODES, "hn2", WHERE_FROM)
    _expect(root / CODES, "hn2", codes.shape, (count, CODE_WIDTH), _of_g1(count))
    splits = {split: _indices(root / INDICES, f"{split}_ind", count) for split in ("train", "test")}
    donors = _indices(root / INDICES, "test_set_pair_ind", count)
    _expect(root / INDICES, "test_set_pair_ind", donors.shape, splits["test"].shape, ", as test_ind is")
    return Release(
        images,
        [str(name) for name in names],
        [str(sentence).strip() for sentence in sentences],
        codes.astype(np.float32),
        {name: [str(int(value)) for value in values] for name, values in attributes.items()},
        splits,
        donors,
    )


def _open_images(root: Path) -> Images:
    first, second = h5_file(root / G1, ("b_",), WHERE_FROM), h5_file(root / G2, ("ih", "ih_mean", "b_"), WHERE_FROM)
    count = (first["b_"].shape or (0,))[0]
    _expect(root / G1, "b_", first["b_"].shape, (count, 1, SIDE, SIDE))
    _expect(root / G2, "b_", second["b_"].shape, (count, 1, SIDE, SIDE), _of_g1(count))
    _expect(root / G2, "ih", second["ih"].shape, (count, 3, SIDE, SIDE), _of_g1(count))
    mean = np.squeeze(second["ih_mean"][()]).astype(np.float32)
    _expect(root / G2, "ih_mean", mean.shape, (3, SIDE, SIDE))
    return Images(root, first["b_"], second["ih"], second["b_"], mean)


def _of_g1(count: int) -> str:
    return f", as G1.h5 is of {count} images"


def _expect(path: Path, name: str, found: tuple[int, ...], right: tuple[int, ...], why: str = "") -> None:
    if found != right:
        raise InputError(f"{path}: {name} has shape {found}; expected {right}{why}; {WHERE_FROM}")


def _column(path: Path, name: str, count: int | None = None) -> NDArray[Any]:
    """Read a variable's values, flattened; with `count`, check that there is one per image."""
    values = mat_variable(path, name, WHERE_FROM).ravel()
    if count is not None:
        _expect(path, name, values.shape, (count,), _of_g1(count))
    return values


def _numbers(path: Path, name: str, count: int | None = None) -> NDArray[Any]:
    values = _column(path, name, count)
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise InputError(f"{path}: {name} holds what is no number; expected whole numbers; {WHERE_FROM}")
    return values


def _indices(path: Path, name: str, count: int) -> NDArray[np.int64]:
    """Convert MATLAB's indices 1..N to 0..N-1."""
    values = _numbers(path, name)
    wrong = ~np.isin(values, np.arange(1, count + 1))
    if wrong.any() or not len(values):
        raise InputError(
            f"{path}: {name} holds {', '.join(f'{v:g}' for v in values[wrong][:5]) or 'nothing'}; expected numbers "
            f"from 1 to {count}, the images of G1.h5; {WHERE_FROM}"
        )
    return values.astype(np.int64) - 1


def check_upright(images: Images) -> None:
    """Compare a sample of both files' maps with the 8x8 constraints, and check that photos are in 0..1.

    A map's hair (1), face (2), rest (3 to 6) and background (0), averaged over 16x16 squares, must be closer to its
    constraint than the transposed map's. If not, rows and columns are swapped or the files are from different releases.

    Raises:
        InputError: a check fails.
    """
    constraints = mat_variable(images.root / CONSTRAINTS, "d", WHERE_FROM)
    count = len(images)
    _expect(images.root / CONSTRAINTS, "d", constraints.shape, (8, 8, 4, count), _of_g1(count))
    sample = np.unique(np.linspace(0, count - 1, SAMPLE).astype(int))
    released = np.moveaxis(constraints[..., sample], -1, 0)
    for file, read in ((G1, images.map), (G2, images.photo_map)):
        shares = np.stack([_shares(read(int(number))) for number in sample])
        upright, turned = np.abs(shares - released).mean(), np.abs(shares.swapaxes(1, 2) - released).mean()
        if not upright < turned:
            raise InputError(
                f"{images.root / file}: the orientation of b_ is wrong: against d of {CONSTRAINTS.name} its maps are off "
                f"by {upright:.3f}, with rows and columns exchanged by {turned:.3f}; expected the files as they "
                f"were released, all of one release; {WHERE_FROM}"
            )
    photos = np.stack([images.photo(int(number)) for number in sample])
    if not (photos.min() > -0.5 and photos.max() < 1.5):
        raise InputError(
            f"{images.root / G2}: ih + ih_mean runs from {photos.min():.2f} to {photos.max():.2f}; expected photos "
            f"of 0 to 1, minus their mean; {WHERE_FROM}"
        )


def _shares(classes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(128, 128) classes -> (8, 8, 4) shares of hair, face, rest and background in each 16x16 square."""
    merged = np.stack([classes == 1, classes == 2, classes > 2, classes == 0], axis=-1)
    shares: NDArray[np.float64] = merged.reshape(8, SIDE // 8, 8, SIDE // 8, 4).mean(axis=(1, 3))
    return shares
