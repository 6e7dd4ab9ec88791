"""The reals that fakes are compared with, and equally many for the floor: two halves of a dataset, split by the seed."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from espalier.data.errors import InputError
from espalier.data.files import whole_file
from espalier.data.sealed import Damaged
from espalier.data.store import Store
from espalier.stages.artifacts.torch_file import read_torch_file, write_torch_file
from espalier.stages.artifacts.workfolder import hold, work_root
from espalier.stages.contracts.in_parts import Images, in_parts, squared
from espalier.stages.features.extractor import Extractor
from espalier.stages.process.seeds import derive_seed


@dataclass(frozen=True)
class Reals:
    """Images uint8 (N, channels, R, R), their features (N, d), and labels int64 (N,), -1 if unlabelled."""

    images: Images
    features: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Reference:
    """`shown`: reals that fakes are compared with; `others`: equally many for the floor."""

    shown: Reals
    others: Reals


def reference(store: Store, resolution: int, extractor: Extractor, count: int, seed: int = 0) -> Reference:
    """Return two disjoint sets of `count` reals. Features are cached in the work folder by the digests of their inputs.

    Raises:
        InputError: the dataset has too few images, none of this resolution, or other channels than the extractor.
    """
    every, labels = store.images(resolution), store.labels()
    check_counts(store, extractor, count)
    order = np.random.default_rng(derive_seed(seed, "reference")).permutation(len(every))[: 2 * count]
    parts = {"shown": _at(every, order[:count]), "others": _at(every, order[count:])}
    classes = torch.from_numpy(labels[order])
    key = f"{store.digest[:16]}-{extractor.digest[:16]}-{resolution}-{count}-{seed}"
    found = _kept(work_root() / "real-features" / f"{key}.pt", extractor, parts)
    return Reference(
        Reals(parts["shown"], found["shown"], classes[:count]), Reals(parts["others"], found["others"], classes[count:])
    )


def check_counts(store: Store, extractor: Extractor, count: int) -> None:
    """Check that metrics can be computed, before generating any images.

    Raises:
        InputError: the dataset has too few images for `count` and its floor, `count` is too small, or channels do not match.
    """
    channels, there = store.manifest.channels, store.manifest.count
    if channels not in extractor.channels:
        taken = " or ".join(map(str, extractor.channels))
        raise InputError(
            f"the dataset {store.path} has {channels} channels, the feature network ({extractor.name}) takes {taken}; use "
            "a network trained on this dataset"
        )
    if count < extractor.least:
        raise InputError(
            f"{count} images are too few for {extractor.width} features; use {extractor.least} or more: "
            "with fewer, the feature covariances are undetermined and every metric is mostly noise"
        )
    if there < 2 * count:
        raise InputError(
            f"the dataset {store.path} has {there} images, fewer than {count} for the metrics and as many for their "
            f"floors; use {there // 2} at most, and {extractor.least} at least"
        )


def _at(every: NDArray[np.uint8], places: NDArray[np.int64]) -> Images:
    """The images at these places of a store's array (N, R, R, channels)."""

    def part(start: int, end: int) -> Tensor:
        return torch.from_numpy(every[places[start:end]]).permute(0, 3, 1, 2).contiguous()

    return squared(in_parts(len(places), part))


def _kept(file: Path, extractor: Extractor, sets: dict[str, Images]) -> dict[str, Tensor]:
    with hold(file.with_suffix(".lock"), file.name, waits=print):  # another evaluation may be computing them
        return _read_or_made(file, extractor, sets)


def _read_or_made(file: Path, extractor: Extractor, sets: dict[str, Images]) -> dict[str, Tensor]:
    if file.is_file():
        try:
            kept: dict[str, Tensor] = read_torch_file(file)[0]
        except Damaged:
            file.unlink()  # recompute
        else:
            return kept
    made = {name: extractor(images, f"features of reals, {name}") for name, images in sets.items()}
    with whole_file(file) as partial:
        write_torch_file(partial, made)
    return made
