"""An artifact's pictures beside real ones, for people: sampling with progress, and the figures as a table."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from espalier.data.errors import InputError
from espalier.data.store import Store
from espalier.stages.artifacts.artifact import condition_for, kind_of, load_generator
from espalier.stages.artifacts.record import Record
from espalier.stages.config.params import ARTIFACTS
from espalier.stages.contracts.condition import rows
from espalier.stages.evaluation.evaluation import Evaluation, check_classes, evaluate
from espalier.stages.evaluation.reference import check_counts
from espalier.stages.features.extractor import Extractor
from espalier.stages.features.inception import load_inception
from espalier.stages.features.load import load_extractor
from espalier.stages.features.local import Features
from espalier.stages.kinds.sampling import generate, latents
from espalier.stages.process.device import choose_device
from espalier.stages.process.progress import Bar

AT_ONCE = 256
INCEPTION = Path("inception")
MEANING = {
    "fid": "distance of features (Fréchet), lower is better",
    "kid": "distance of features (kernel), lower is better, unbiased",
    "is": "sure classes, and all of them, higher is better",
    "modes": "classes among fakes",
    "modes_kl": "their shares' distance from the reals', lower is better",
    "precision": "share of fakes that look real",
    "recall": "share of reals that fakes cover",
    "density": "how deep fakes lie among reals",
    "coverage": "share of reals with a fake nearby",
    "diversity": "distance between fakes, of that between reals",
    "swd": "distance of patches, lower is better",
    "ms_ssim": "likeness among fakes, lower is more varied",
    "support": "different pictures by the birthday paradox",
    "same_pairs": "pairs of fakes that count as the same",
}


def evaluation_of(
    path: Path, number: int, seed: int, features: Path | None, dataset: Path | None, modes: bool = False
) -> Evaluation:
    """The evaluation of an artifact, a milestone or a checkpoint. All that can be refused is refused before pictures are made.

    Raises:
        InputError: it makes no pictures, or dataset and feature network are missing or do not fit.
    """
    device = choose_device()
    generator, record = load_generator(path, device)
    made = kind_of(record, path).name
    if made != "images":
        raise InputError(f"{path} makes {made}, and these metrics are of images; use an artifact that makes some")
    store = Store(dataset or Path(record.dataset.path))
    store.images(record.config["resolution"])
    if record.channels != store.manifest.channels:
        raise InputError(
            f"{path} makes pictures of {record.channels} channels, {store.path} has {store.manifest.channels}; right would be "
            "the dataset that it was trained on"
        )
    if modes:
        check_classes(store)
    extractor = _extractor(features, store, device)
    check_counts(store, extractor, number)
    fakes = _sampled(path, record, generator, number, seed, device)
    return evaluate(fakes, store, extractor, seed, modes)


def _extractor(features: Path | None, store: Store, device: torch.device) -> Extractor:
    """Inception for "inception" or a file of weights; else the feature network at this path, or this dataset's."""
    if features == INCEPTION:
        return load_inception(None, device)
    return load_extractor(features or features_of(store), device)


def _sampled(
    path: Path, record: Record, generator: torch.nn.Module, number: int, seed: int, device: torch.device
) -> Tensor:
    network = record.config["network"]
    latent = latents(number, network["latent"], seed, device, network["prior"])
    condition, parts = condition_for(path, record, number, device), []
    with Bar("pictures", number) as bar:
        for start in range(0, number, AT_ONCE):
            some = slice(start, start + AT_ONCE)
            parts.append(generate(generator, latent[some], rows(condition, some)))
            if bar.due():
                bar.show(min(start + AT_ONCE, number))
    return torch.cat(parts)


def features_of(store: Store) -> Path:
    """The feature network that was trained on this dataset.

    Raises:
        InputError: there is none; with what would make one.
    """
    for file in sorted((ARTIFACTS / "features").glob("*/stage.json")):
        digests = json.loads(file.read_text(encoding="utf-8")).get("digests", {})
        if digests.get("dataset") == store.digest:
            return file.parent
    name = store.path.name
    raise InputError(
        f"no feature network was trained on {store.path.as_posix()}; give params.yaml one, "
        f"'features: {{{name}: {{dataset: {store.path.as_posix()}}}}}', and train it: dvc repro features@{name}"
    )


def as_table(found: Evaluation) -> Any:
    """A rich table: each figure beside its floor, and what it means."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("figure", "fakes", "floor", "meaning"):
        table.add_column(column, justify="right" if column in ("fakes", "floor") else "left")
    for name, value in found.figures.items():
        meaning = meaning_of(name)
        table.add_row(name, f"{value:.4g}", f"{found.floors[name]:.4g}", meaning)
    return table


def meaning_of(name: str) -> str:
    """What a figure is, in a few words; empty where there is nothing to say."""
    return MEANING.get(name.removesuffix(Features.suffix), "")
