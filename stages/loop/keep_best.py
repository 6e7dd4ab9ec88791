"""The best checkpoint of a run: kept during training, set aside on restart, published instead of a worse final one."""

import contextlib
import shutil
from pathlib import Path

from espalier.data.errors import InputError
from espalier.stages.artifacts.checkpoint import Checkpoint, read_checkpoint
from espalier.stages.artifacts.workfolder import checkpoints_in
from espalier.stages.loop.interventions import Interventions
from espalier.stages.monitor.monitor import Monitor

CLEARLY = 0.05
"""Quality margin (relative to reals) over the end of training from which an earlier checkpoint is published instead."""
BEST, BEFORE = "best", "best-before"
"""Folders of the best checkpoint of the current run, and of the best of abandoned runs."""
DRAWN = ("samples", "milestones")
"""Folders of intermediate outputs, which the next run would overwrite."""


def best_checkpoint(folder: Path, name: str = BEST) -> Checkpoint | None:
    """The best checkpoint of a run, if one was saved and is not damaged."""
    for _, path in checkpoints_in(folder / name):
        with contextlib.suppress(InputError, FileNotFoundError):
            return read_checkpoint(path)
    return None


def quality_of(checkpoint: Checkpoint | None) -> float:
    """Quality at a checkpoint, from its latest probes; 0 without a checkpoint."""
    monitor = Monitor()
    if checkpoint is not None and "monitor" in checkpoint.state:
        monitor.load_state_dict(checkpoint.state["monitor"])
    return monitor.quality


def to_publish(folder: Path, done: Interventions, quality: float) -> tuple[Checkpoint, Path] | None:
    """The checkpoint to publish instead of the final one, whose quality is given, and the folder with its intermediate outputs:
    after early stopping the best; after a rollback any that was clearly better."""
    if not (done.stopped or done.rollbacks):
        return None
    places = {BEST: folder, BEFORE: folder / BEFORE} if done.rollbacks else {BEST: folder}
    found = [(best, place) for name, place in places.items() if (best := best_checkpoint(folder, name)) is not None]
    best, place = max(found, key=lambda of: quality_of(of[0]), default=(None, folder))
    enough = done.stopped or quality_of(best) > quality + CLEARLY
    return (best, place) if best is not None and enough else None


def kept_words(best: Checkpoint, done: Interventions, quality: float) -> str:
    """Why an earlier checkpoint is published instead of the final one."""
    before = ", before the last remedy" if len(best.record.remedies) < len(done.remedies) else ""
    return (
        f"quality is {quality:.2f} (reals: 1) and was {quality_of(best):.2f} at {best.record.images / 1000:.4g} kimg{before}; "
        "publishing that checkpoint"
    )


def set_best_aside(folder: Path) -> None:
    """Keep the best checkpoint of an abandoned run unless an earlier one was better, and clear the folder for the next run."""
    if quality_of(best_checkpoint(folder)) > quality_of(best_checkpoint(folder, BEFORE)):
        shutil.rmtree(folder / BEFORE, ignore_errors=True)
        (folder / BEST).rename(folder / BEFORE)
        for drawn in DRAWN:
            if (folder / drawn).is_dir():
                (folder / drawn).rename(folder / BEFORE / drawn)
    shutil.rmtree(folder / BEST, ignore_errors=True)


def forget_bests(folder: Path) -> None:
    """Remove bests left by another run when training starts from scratch."""
    for name in (BEST, BEFORE):
        shutil.rmtree(folder / name, ignore_errors=True)
