"""The best checkpoint of a training: kept while it trains, set aside when it is given up, published instead of a worse end."""

import contextlib
import shutil
from pathlib import Path

from espalier.data.errors import InputError
from espalier.stages.artifacts.checkpoint import Checkpoint, read_checkpoint
from espalier.stages.artifacts.workfolder import checkpoints_in
from espalier.stages.loop.interventions import Interventions
from espalier.stages.monitor.monitor import Monitor

CLEARLY = 0.05
"""More quality, of what reals get, than at the end, for which an earlier checkpoint is published instead."""
BEST, BEFORE = "best", "best-before"
"""Folders of the best checkpoint of a training, and of the best of those that were given up."""
DRAWN = ("samples", "milestones")
"""Folders of what a training leaves on its way, which the next would write over."""


def best_checkpoint(folder: Path, name: str = BEST) -> Checkpoint | None:
    """The best of a training that keeps it, if it was ever good for anything and is not damaged."""
    for _, path in checkpoints_in(folder / name):
        with contextlib.suppress(InputError, FileNotFoundError):
            return read_checkpoint(path)
    return None


def quality_of(checkpoint: Checkpoint | None) -> float:
    """The quality at a checkpoint, as the probes' last rows have it; 0 of none."""
    monitor = Monitor()
    if checkpoint is not None and "monitor" in checkpoint.state:
        monitor.load_state_dict(checkpoint.state["monitor"])
    return monitor.quality


def to_publish(folder: Path, done: Interventions, quality: float) -> tuple[Checkpoint, Path] | None:
    """The checkpoint that is published instead of a training's end, which has this quality, and the folder with what was drawn
    until then: after an early end the best, and of what was healed any that was clearly better."""
    if not (done.stopped or done.rollbacks):
        return None
    places = {BEST: folder, BEFORE: folder / BEFORE} if done.rollbacks else {BEST: folder}
    found = [(best, place) for name, place in places.items() if (best := best_checkpoint(folder, name)) is not None]
    best, place = max(found, key=lambda of: quality_of(of[0]), default=(None, folder))
    enough = done.stopped or quality_of(best) > quality + CLEARLY
    return (best, place) if best is not None and enough else None


def kept_words(best: Checkpoint, done: Interventions, quality: float) -> str:
    """Why a checkpoint is published instead of the end."""
    before = ", before the last remedy" if len(best.record.remedies) < len(done.remedies) else ""
    return (
        f"quality is {quality:.2f} of the reals' and was {quality_of(best):.2f} at {best.record.images / 1000:.4g} kimg{before}; "
        "that is published"
    )


def set_best_aside(folder: Path) -> None:
    """Keep the best of a training that is given up, unless an earlier one was better, and let the next have its own."""
    if quality_of(best_checkpoint(folder)) > quality_of(best_checkpoint(folder, BEFORE)):
        shutil.rmtree(folder / BEFORE, ignore_errors=True)
        (folder / BEST).rename(folder / BEFORE)
        for drawn in DRAWN:
            if (folder / drawn).is_dir():
                (folder / drawn).rename(folder / BEFORE / drawn)
    shutil.rmtree(folder / BEST, ignore_errors=True)


def forget_bests(folder: Path) -> None:
    """Of a training that begins from nothing: what another one left is not its own."""
    for name in (BEST, BEFORE):
        shutil.rmtree(folder / name, ignore_errors=True)
