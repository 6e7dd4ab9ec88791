"""Evaluate an artifact against real images: sampling with a progress bar, and the metrics as a table."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from espalier.data.errors import InputError
from espalier.data.sealed import Damaged, read_record
from espalier.data.store import Store
from espalier.stages.artifacts.artifact import condition_for, config_of, kind_of, latents_for, load_generator
from espalier.stages.artifacts.record import Record
from espalier.stages.config.params import ARTIFACTS
from espalier.stages.contracts.condition import rows
from espalier.stages.contracts.in_parts import Images, in_parts
from espalier.stages.evaluation.evaluation import Evaluation, check_classes, evaluate
from espalier.stages.evaluation.reference import check_counts
from espalier.stages.features.imagenet import IMAGENET, weights_file
from espalier.stages.features.load import load_extractor
from espalier.stages.kinds.sampling import generate
from espalier.stages.loop.evaluate import EvaluateOptions
from espalier.stages.process.device import choose_device
from espalier.stages.process.progress import Bar

AT_ONCE = 256


def evaluation_of(
    path: Path, number: int, seed: int, features: Path | None, dataset: Path | None, modes: bool = False
) -> Evaluation:
    """Evaluate an artifact, a milestone or a checkpoint. All inputs are checked before sampling.

    Raises:
        InputError: it generates no images, or the dataset or feature network is missing or does not match.
    """
    device = choose_device()
    generator, record = load_generator(path, device)
    made = kind_of(record, path).name
    if made != "images":
        raise InputError(
            f"{path} generates {made}, but these metrics are for images; use an artifact that generates images"
        )
    store = Store(dataset or Path(record.dataset.path))
    store.images(record.config["resolution"])
    if record.channels != store.manifest.channels:
        raise InputError(
            f"{path} makes images of {record.channels} channels, {store.path} has {store.manifest.channels}; use "
            "the dataset that it was trained on"
        )
    if modes:
        check_classes(store)
    extractor = load_extractor(features or own_or_imagenet(store), device)
    check_counts(store, extractor, number)
    fakes = _sampled(path, record, generator, number, seed, device)
    options = config_of(record, path).evaluate
    own = tuple(options.metrics.values()) if isinstance(options, EvaluateOptions) else ()
    found = evaluate(fakes, store, extractor, seed, modes, own=own)
    if extractor.name == IMAGENET and _trained_on_imagenet(record):
        found.notes.append(
            "the generator was trained with this feature network, which is then no judge of it; pass other --features"
        )
    return found


def _trained_on_imagenet(record: Record) -> bool:
    """Whether a generator's training used ImageNet's features."""
    perceptual = record.config["tricks"].get("perceptual") or {}
    return IMAGENET in (record.config["network"].get("features"), perceptual.get("network"))


def _sampled(
    path: Path, record: Record, generator: torch.nn.Module, number: int, seed: int, device: torch.device
) -> Images:
    latent = latents_for(record, number, seed, device)
    condition = condition_for(path, record, number, device)

    def part(start: int, end: int) -> Tensor:
        made = []
        for at in range(start, end, AT_ONCE):
            some = slice(at, min(at + AT_ONCE, end))
            made.append(generate(generator, latent[some], rows(condition, some)))
            if end - start == number and bar.due():
                bar.show(some.stop)
        return torch.cat(made)

    with Bar("images", number) as bar:
        return in_parts(number, part)


def own_or_imagenet(store: Store) -> Path:
    """The dataset's own feature network, else ImageNet's.

    Raises:
        InputError: neither is there; the message says how to train one, and how to install the other.
    """
    own = features_of(store)
    if own is not None:
        return own
    try:
        weights_file()
    except InputError as error:
        name = store.path.name
        raise InputError(
            f"no feature network was trained on {store.path.as_posix()}; add one to params.yaml, "
            f"'features: {{{name}: {{dataset: {store.path.as_posix()}}}}}', and train it: dvc repro features@{name}. {error}"
        ) from error
    return Path(IMAGENET)


def features_of(store: Store) -> Path | None:
    """The feature network that was trained on this dataset, if there is one.

    Raises:
        InputError: the record of a feature network is damaged.
    """
    for file in sorted((ARTIFACTS / "features").glob("*/stage.json")):
        try:
            trained_on = read_record(file).get("inputs", {}).get("dataset")
        except Damaged as error:
            raise InputError(f"{file} {error}; restore it with: dvc checkout {file.parent}") from error
        if trained_on == store.digest:
            return file.parent
    return None


def as_table(found: Evaluation) -> Any:
    """A rich table: each metric next to its floor, with its meaning."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("metric", "fakes", "floor", "meaning"):
        table.add_column(column, justify="right" if column in ("fakes", "floor") else "left")
    for name, value in found.metrics.items():
        floor = f"{found.floors[name]:.4g}" if name in found.floors else ""
        table.add_row(name, f"{value:.4g}", floor, found.meaning(name))
    return table
