"""A small release of FashionGAN in the very layout of the real one, of people made of blocks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat

from espalier.data.sources.release import CODES, CONSTRAINTS, G1, G2, INDICES, LANGUAGE

N = 12
TRAIN, TEST, DONORS = [3, 1, 12, 7, 5, 9, 10, 2], [4, 11, 6, 8], [11, 8, 12, 4]
"""Counted from 1, as in ind.mat. The third donor is of the training split."""

COLOURS = np.array(
    [[0.9, 0.9, 0.9], [0.2, 0.1, 0], [0.9, 0.7, 0.6], [0.8, 0, 0], [0, 0, 0.8], [0, 0.6, 0], [0.9, 0.8, 0]]
)


def person(number: int) -> NDArray[np.uint8]:
    """The classes (128, 128) of a person made of blocks, another for each number, leaning to the left, one arm raised."""
    classes = np.zeros((128, 128), np.uint8)
    x = 20 + 2 * number
    classes[8:20, x : x + 30] = 1
    classes[20:36, x + 6 : x + 22] = 2
    classes[36:72, x : x + 36] = 3
    classes[72:96, x + 4 : x + 30] = 4
    classes[96:124, x + 4 : x + 14] = 5
    classes[30:44, x + 36 : x + 50] = 6
    return classes


def photo(number: int) -> NDArray[np.float64]:
    """The photo (128, 128, 3), 0..1: the classes' colours, darker downwards."""
    shaded: NDArray[np.float64] = COLOURS[person(number)] * np.linspace(1, 0.8, 128)[:, None, None]
    return shaded


def matlab(texts: list[str]) -> NDArray[Any]:
    """A MATLAB cell column of texts."""
    cells = np.empty((len(texts), 1), dtype=object)
    cells[:, 0] = texts
    return cells


def variables() -> dict[Path, dict[str, NDArray[Any]]]:
    """What the .mat files hold, in MATLAB's axes."""
    people = np.stack([person(number) for number in range(N)])
    merged = np.stack([people == 1, people == 2, people > 2, people == 0])
    constraints = merged.reshape(4, N, 8, 16, 8, 16).mean(axis=(3, 5))
    return {
        INDICES: {
            "train_ind": np.array([TRAIN], float).T,
            "test_ind": np.array([TEST], float).T,
            "test_set_pair_ind": np.array([DONORS], float).T,
        },
        LANGUAGE: {
            "engJ": matlab([f"the lady was wearing outfit number {number}." for number in range(N)]),
            "codeJ": matlab(["unused"] * N),
            "nameList": matlab([f"img/Blouse/img_{number:08}.jpg" for number in range(N)]),
            "img_root": np.array(["img"]),
            "cate_new": np.arange(1.0, N + 1)[:, None],
            "color_": np.arange(1.0, N + 1)[::-1, None] + 5,
            "gender_": np.arange(N, dtype=np.uint8)[:, None] % 2,
            "sleeve_": np.arange(N, dtype=float)[:, None] % 4 + 1,
        },
        CODES: {"hn2": np.arange(N)[:, None] + np.arange(100)[None] / 1000},
        # MATLAB's bicubic shrinking leaves 0..1 a little.
        CONSTRAINTS: {"d": constraints.transpose(2, 3, 0, 1) * 1.02 - 0.01},
    }


def write_mat(path: Path, values: dict[str, NDArray[Any]]) -> None:
    """As MATLAB 7 writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, values)


def write_mat_7_3(path: Path, values: dict[str, NDArray[Any]]) -> None:
    """As MATLAB 7.3 writes it: HDF5 after 512 bytes, axes reversed, cells as references to arrays of characters."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in values.items():
            if array.dtype.kind in "fu":
                file[name] = array.T
                continue
            references = []
            for number, text in enumerate(array.ravel()):
                cell = file.create_dataset(f"#refs#/{name}{number}", data=np.array([[ord(c)] for c in text], np.uint16))
                cell.attrs["MATLAB_class"] = np.bytes_("char")
                references.append(cell.ref)
            file.create_dataset(name, data=np.array([references], dtype=h5py.ref_dtype))


def write_release(root: Path, write: Callable[[Path, dict[str, NDArray[Any]]], None] = write_mat) -> Path:
    """The release's files, small but for the side of 128, in its very layout."""
    for path, values in variables().items():
        write(root / path, values)
    maps = np.stack([person(number) for number in range(N)])[:, None].astype(np.float32)
    photos = np.stack([photo(number) for number in range(N)]).transpose(0, 3, 2, 1)
    (root / G1).parent.mkdir()
    with h5py.File(root / G1, "w") as file:
        file["b_"] = maps
    with h5py.File(root / G2, "w") as file:
        file["ih_mean"] = photos.mean(axis=0).astype(np.float32)
        file["ih"] = (photos - photos.mean(axis=0)).astype(np.float32)
        file["b_"] = maps.swapaxes(2, 3)
    return root
