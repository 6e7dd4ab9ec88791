"""How far a stage has come, read from its work folder without touching it."""

import math
from dataclasses import dataclass
from pathlib import Path

import torch

from espalier.stages.artifacts.checkpoint import checkpoints_in
from espalier.stages.artifacts.history import History
from espalier.stages.artifacts.workfolder import FAILED, holder
from espalier.stages.config.stage import StageConfig
from espalier.stages.loop.game import discriminator_steps
from espalier.stages.tricks.context import Moment
from espalier.stages.tricks.trick import implements
from espalier.stages.types.train import find_inputs, training_folder


@dataclass(frozen=True, slots=True)
class Position:
    """The newest checkpoint's step, out of how many; who trains, if anyone does; what the monitor says."""

    step: int
    steps: int
    process: int | None
    verdict: str = ""

    @property
    def share(self) -> float:
        """Done, from 0 to 1."""
        return min(self.step / self.steps, 1.0)


def read_position(config: StageConfig) -> Position:
    """Where the stage of this configuration stands, with its inputs as they are now.

    Raises:
        InputError: an input is missing, so there is no such training.
    """
    folder = training_folder(config, *find_inputs(config))
    newest = max((step for step, _ in checkpoints_in(folder)), default=0)
    return Position(newest, iterations(config), holder(folder / "lock"), _verdict(folder))


def _verdict(folder: Path) -> str:
    """What the monitor said last, or why training failed."""
    failed, probes = folder / FAILED, History(folder / "monitor.csv").rows
    if failed.is_file():
        return f"failed: {failed.read_text(encoding='utf-8').strip()}"
    return probes[-1].get("verdict", "") if probes else ""


def iterations(config: StageConfig) -> int:
    """How many iterations the stage has: each shows the discriminator a batch of reals at each of its steps."""
    counting = [trick for trick in config.tricks.others if implements(trick, "discriminator_steps")]
    if not counting:
        return math.ceil(config.kimg * 1000 / config.batch_size)
    step = images = 0
    while images < config.kimg * 1000:
        moment = Moment(config.seed, config.name, step, images, config.batch_size, torch.device("cpu"))
        images += discriminator_steps(counting, moment) * config.batch_size
        step += 1
    return step
