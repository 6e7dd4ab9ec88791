"""The judges, which no recipe trains on, and what they say of generated and of other real images."""

import contextlib
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.speedrun import runs
from benchmarks.speedrun.rows import read, write
from benchmarks.speedrun.runs import SIDE
from benchmarks.worlds import ROOT
from espalier.data.files import whole_file
from espalier.data.store import Store
from espalier.stages.evaluation.reference import Reference, reference
from espalier.stages.features.extractor import Extractor
from espalier.stages.features.load import load_extractor
from espalier.stages.metrics.frechet import frechet, moments
from espalier.stages.metrics.manifold import manifold

CPU = torch.device("cpu")


@cache
def judges() -> tuple[dict[str, Extractor], dict[str, Reference]]:
    """The networks, and the reals in their features: half to compare with, half for the floor."""
    networks = {"fd_imagenet": load_extractor(Path("imagenet"), CPU)}
    networks["fid_local"] = load_extractor(Path("artifacts/features/others64"), CPU)
    store = Store(Path("artifacts/datasets/judge64"))
    return networks, {name: reference(store, SIDE, network, runs.COUNT) for name, network in networks.items()}


def judged(images: Tensor) -> dict[str, float]:
    """All judges of images uint8 (runs.COUNT, 3, 64, 64)."""
    networks, reals = judges()
    features = {name: network(images) for name, network in networks.items()}
    found = {name: frechet(moments(reals[name].shown.features), moments(features[name])) for name in networks}
    near = manifold(reals["fid_local"].shown.features, features["fid_local"])
    return {**found, "recall": near.recall, "coverage": near.coverage}


def floor() -> dict[str, float]:
    """What the other half of the judges' reals score, in `docs/speedrun/floors.csv`; measured once."""
    file = runs.ROWS / "floors.csv"
    if not file.is_file():
        with contextlib.chdir(ROOT), whole_file(file) as partial:
            images = judges()[1]["fid_local"].others.images[:]
            write(partial, [{"seconds": 0.0, "kimg": 0.0, **judged(images)}])
    return read(file)[0]
