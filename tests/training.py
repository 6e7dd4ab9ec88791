"""Trainings in the test's own process: begun, interrupted at a step, resumed and published as a stage's process does."""

from pathlib import Path
from weakref import WeakKeyDictionary

import torch

from espalier.data.store import Store
from espalier.stages.artifacts.artifact import Artifact
from espalier.stages.config.stage import StageConfig
from espalier.stages.contracts.component import Metrics
from espalier.stages.loop.interventions import NO_INTERVENTIONS, Interventions
from espalier.stages.loop.publish import publish
from espalier.stages.loop.resume import Components, resume
from espalier.stages.loop.trainer import Trainer
from espalier.stages.process.interruption import Interrupted, Interruption
from espalier.stages.process.progress import Bar
from espalier.stages.run import main
from espalier.stages.types.inputs import inputs_of
from espalier.stages.types.train import components, trainer_of

CPU = torch.device("cpu")
_beside: "WeakKeyDictionary[Trainer, Components]" = WeakKeyDictionary()


class StopAt(Interruption):
    """Asks to leave at a step."""

    def __init__(self) -> None:
        super().__init__()
        self.trainer: Trainer | None = None
        self.until = 10**9

    def reason(self) -> tuple[str, int] | None:
        now = self.trainer is not None and self.trainer.step >= self.until
        return ("interrupted", 130) if now else None


_stops: "WeakKeyDictionary[Trainer, StopAt]" = WeakKeyDictionary()


def new_trainer(
    config: StageConfig,
    store: Store,
    parent: Artifact | None,
    folder: Path,
    done: Interventions = NO_INTERVENTIONS,
    code: str = "code",
) -> Trainer:
    """A trainer at step 0, whose folder has not been looked into."""
    return trainer_of(config, inputs_of(config, store, parent, CPU, code), parent, folder, CPU, done)


def beside(trainer: Trainer) -> Components:
    """The components of a trainer, the same each time."""
    if trainer not in _beside:
        _stops[trainer] = StopAt()
        _stops[trainer].trainer = trainer
        bar = Bar("test", trainer.target, trainer.images, silent=True)
        _beside[trainer] = components(trainer.config, trainer, bar, _stops[trainer])
    return _beside[trainer]


def resumed(trainer: Trainer) -> str | None:
    """Go on from the trainer's folder; returns what was said."""
    return resume(trainer, beside(trainer))


def run(trainer: Trainer, until: int = 10**9) -> Trainer:
    """Train to the end, or to an interruption at a step."""
    parts = beside(trainer)
    _stops[trainer].until = until
    try:
        trainer.train(parts)
    except Interrupted:
        assert trainer.step == until
    return trainer


def published(trainer: Trainer, artifact: Path) -> Metrics:
    """Publish it as it stands; returns the final metrics."""
    return publish(trainer, beside(trainer), artifact, trainer.step)


def run_stage(pipeline: str, stage: str) -> int:
    """What `python -m espalier.stages.run PIPELINE STAGE` does in the current folder; returns its exit code."""
    return main(pipeline, stage, profile=False) or 0
