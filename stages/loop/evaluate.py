"""A stage's own evaluation: its averaged generator's pictures beside its dataset's, at its end and now and then before.

    evaluate: {features: artifacts/features/dolls, count: 2000, every_kimg: 20}

changes no weight. The figures are those of stages/evaluation/evaluation.py, and each floor is beside it under its name and `_floor`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from espalier.data.errors import InputError
from espalier.stages.evaluation.evaluation import Evaluation, evaluate
from espalier.stages.evaluation.reference import check_counts
from espalier.stages.features.extractor import Extractor
from espalier.stages.features.inception import load_inception
from espalier.stages.features.local import load_features

if TYPE_CHECKING:
    from espalier.stages.loop.trainer import Trainer


def extractor_of(trainer: Trainer) -> Extractor | None:
    """What this stage is evaluated by, if it is; asked for before training, so that nothing is missing at its end.

    Raises:
        InputError: it is missing, or does not fit the dataset, or the stage makes no pictures.
    """
    options, config = trainer.config.evaluate, trainer.config
    if options is None:
        return None
    if config.network.makes != "pictures":
        raise InputError(
            f"{config.name}: evaluate: the network {config.network.name} makes {config.network.makes}, and figures are of "
            "pictures; leave it out"
        )
    extractor = load_extractor(options.features, trainer.device)
    check_counts(trainer.store, extractor, options.count)
    return extractor


def load_extractor(path: Path, device: torch.device) -> Extractor:
    """Inception from a file of weights, else the feature network of an artifact.

    Raises:
        InputError: there is neither.
    """
    return (load_inception if path.suffix == ".pth" or path.is_file() else load_features)(path, device)


def evaluate_now(trainer: Trainer, extractor: Extractor) -> Evaluation:
    """The averaged generator as it is."""
    assert trainer.config.evaluate is not None
    made = trainer.samples(trainer.latents(trainer.config.evaluate.count))
    return evaluate(made, trainer.store, extractor, trainer.config.seed)


def as_figures(found: Evaluation) -> dict[str, float]:
    """Figures and floors, as metrics.json has them."""
    return {**found.figures, **{f"{name}_floor": value for name, value in found.floors.items()}}


def as_row(found: Evaluation, trainer: Trainer) -> dict[str, Any]:
    """A row of evaluations.csv."""
    return {"step": trainer.step, "kimg": trainer.images / 1000, **found.figures}
