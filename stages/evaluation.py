"""What a generator's pictures are worth beside the dataset's, with the floor of each figure: what other reals would get.

The dataset is cut in two by a permutation that depends on the seed: fakes are compared with `count` pictures of the first half,
and so are as many of the second, which gives the floor. Every figure depends on the number of pictures; they compare only at the
same count, of the same dataset, by the same feature network.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from data.errors import InputError
from data.files import whole_file
from data.store import Store
from stages.features import Features
from stages.metrics.birthday import same_distance, support
from stages.metrics.frechet import frechet, moments
from stages.metrics.kernel import kernel_distance
from stages.metrics.manifold import manifold
from stages.metrics.ms_ssim import SMALLEST as SMALLEST_MS_SSIM
from stages.metrics.ms_ssim import ms_ssim
from stages.metrics.sliced_wasserstein import SMALLEST as SMALLEST_SWD
from stages.metrics.sliced_wasserstein import sliced_wasserstein
from stages.moment import derive_seed
from stages.pictures import diversity
from stages.workfolder import work_root

MOST = 1000
"""Pictures at most whose pixels are compared, for diversity, SWD and MS-SSIM, which would take minutes else."""


@dataclass(frozen=True)
class Reference:
    """Real pictures uint8 (N, channels, R, R): those that fakes are compared with, and as many others, with their features."""

    shown: Tensor
    others: Tensor
    shown_features: Tensor
    others_features: Tensor


@dataclass(frozen=True)
class Evaluation:
    """Figures by name, the floor of each (of reals in place of fakes), and what they were measured on."""

    figures: dict[str, float]
    floors: dict[str, float]
    about: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """As it is written to a file."""
        return {"figures": self.figures, "floors": self.floors, **self.about}


def reference(store: Store, resolution: int, features: Features, count: int, seed: int = 0) -> Reference:
    """Two disjoint sets of `count` reals; their features are kept in the work folder by the digests of all they depend on.

    Raises:
        InputError: the dataset has too few pictures, or other channels than the feature network.
    """
    images, channels = store.images(resolution), store.manifest.channels
    if channels != features.channels:
        raise InputError(
            f"the dataset {store.path} has {channels} channels, the feature network was trained on {features.channels}; right "
            "would be a network trained on this dataset"
        )
    if count < features.least:
        raise InputError(
            f"{count} pictures are too few; right would be {features.least} or more: with fewer the covariances of the features "
            "are singular, and every figure is mostly noise"
        )
    if len(images) < 2 * count:
        raise InputError(
            f"the dataset {store.path} has {len(images)} pictures, fewer than {count} for the figures and as many for their "
            f"floors; right would be {len(images) // 2} at most, and {features.least} at least"
        )
    order = np.random.default_rng(derive_seed(seed, "reference")).permutation(len(images))[: 2 * count]
    pictures = torch.from_numpy(images[np.sort(order)]).permute(0, 3, 1, 2)[np.argsort(np.argsort(order))]
    shown, others = pictures[:count].contiguous(), pictures[count:].contiguous()
    key = f"{store.digest[:16]}-{features.digest[:16]}-{resolution}-{count}-{seed}"
    found = _kept(work_root() / "real-features" / f"{key}.safetensors", features, {"shown": shown, "others": others})
    return Reference(shown, others, found["shown"], found["others"])


def _kept(file: Path, features: Features, sets: dict[str, Tensor]) -> dict[str, Tensor]:
    if file.is_file():
        return safetensors.torch.load_file(file)
    made = {name: features(pictures) for name, pictures in sets.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(file) as partial:
        safetensors.torch.save_file(made, partial)
    return made


def compared(
    pictures: Tensor, of_them: Tensor, real: Tensor, of_real: Tensor, name: str, same: float, seed: int = 0
) -> dict[str, float]:
    """Figures of pictures uint8 (N, channels, R, R) beside as many reals, with the features (N, d) of both; `same`: the distance
    below which two count as the same picture."""
    distance, spread = kernel_distance(of_real, of_them, seed=seed)
    figures = {
        f"fid_{name}": frechet(moments(of_real), moments(of_them)),
        f"kid_{name}": distance,
        f"kid_{name}_std": spread,
        **asdict(manifold(of_real, of_them)),
        "diversity": diversity(pictures[:MOST], real[:MOST]),
    }
    side = pictures.shape[-1]
    if side >= SMALLEST_SWD:
        levels = sliced_wasserstein(real[:MOST], pictures[:MOST], seed)
        figures |= {f"swd_{level}": value for level, value in levels.items()}
        figures["swd"] = sum(levels.values()) / len(levels)
    if side >= SMALLEST_MS_SSIM:
        figures["ms_ssim"] = ms_ssim(pictures[:MOST])
    figures["support"], figures["same_pairs"] = support(of_them, same)
    return {key: float(f"{value:.5g}") for key, value in figures.items()}


def evaluate(fakes: Tensor, store: Store, features: Features, seed: int = 0) -> Evaluation:
    """Fakes uint8 (N, channels, R, R) beside the store's pictures of their size."""
    count, side = len(fakes), fakes.shape[-1]
    real = reference(store, side, features, count, seed)
    same = same_distance(torch.cat([real.shown_features, real.others_features]))
    against = {"real": real.shown, "of_real": real.shown_features, "name": features.name, "same": same, "seed": seed}
    figures = compared(fakes, features(fakes), **against)  # type: ignore[arg-type]
    floors = compared(real.others, real.others_features, **against)  # type: ignore[arg-type]
    resized = "none" if side == features.resolution else ("nearest" if side < features.resolution else "area")
    about = {
        "count": count,
        "count_of_pixels": min(count, MOST),
        "resolution": side,
        "seed": seed,
        "reference": f"{count} of one half of {store.path.as_posix()}, the floor {count} of the other",
        "dataset": store.digest,
        "features": f"{features.name}:{features.digest}",
        "resizer": f"{resized} to {features.resolution}",
    }
    return Evaluation(figures, floors, about)


def write_evaluation(found: Evaluation, file: Path) -> None:
    """As JSON, whole or not at all."""
    with whole_file(file) as partial:
        partial.write_text(json.dumps(found.as_json(), indent=2) + "\n", encoding="utf-8")
