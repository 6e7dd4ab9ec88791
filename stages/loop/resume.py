"""Resume training: from the newest checkpoint, from a chosen one, or from an earlier one with other options."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from espalier.data.errors import InputError
from espalier.stages.artifacts.checkpoint import Checkpoint, newest_record, read_checkpoint
from espalier.stages.artifacts.workfolder import checkpoints_in
from espalier.stages.contracts.component import Component
from espalier.stages.loop.interventions import interventions_of
from espalier.stages.loop.keep_best import forget_bests, set_best_aside
from espalier.stages.loop.rollback import carry_over, forget_after
from espalier.stages.loop.trainer import Trainer
from espalier.stages.process import distributed

Components = Sequence[Component[Trainer]]


def set_finished_aside(folder: Path, target: int, code: str) -> str | None:
    """Set aside a run that was finished by other code, so that it is not published as this code's; restore one that this code
    finished. Returns a message if anything was moved.

    An unfinished run stays in place, so it continues after a crash is fixed.
    """
    other = _finished_by(folder, target)
    if other is None or other == code:
        return None
    mine = _aside(folder, code)
    shutil.rmtree(_aside(folder, other), ignore_errors=True)
    _aside(folder, other).mkdir()
    _move_all(folder, _aside(folder, other))
    if mine.is_dir():
        _move_all(mine, folder)
        mine.rmdir()
        return "this code finished this training before; it is published again"
    kept = f"that one is kept in {_aside(folder, other)}"
    return f"the code differs from the one that finished this training, so it starts over; {kept}"


def _finished_by(folder: Path, target: int) -> str | None:
    """The code that finished a run; None if the run is unfinished."""
    record = newest_record(folder, target)
    if record is None or not (record.images >= target or interventions_of(record).stopped):
        return None
    return record.code.rpartition("+")[2]


def _aside(folder: Path, code: str) -> Path:
    return folder.with_name(f"{folder.name}-{code[:16]}")


def _move_all(source: Path, to: Path) -> None:
    """Move everything but the lock, which is held."""
    for path in source.iterdir():
        if path.name != "lock":
            path.rename(to / path.name)


def resume(trainer: Trainer, components: Components) -> str | None:
    """Resume from the newest good checkpoint in the work folder. Returns a message, if there was one.

    A damaged checkpoint is set aside, and the previous one is used.
    """
    said = []
    for _, path in checkpoints_in(trainer.folder):
        try:
            checkpoint = read_checkpoint(path)
        except InputError as error:
            path.rename(path.with_suffix(".damaged"))
            said.append(f"{error}; falling back to the previous checkpoint")
            continue
        if checkpoint.record.before < trainer.target:
            trainer.load(checkpoint)
            if distributed.rank() == 0:
                checkpoint.restore_tables(trainer.folder)
            said.append(f"continuing at step {trainer.step} ({trainer.images / 1000:.1f} kimg)")
            if trainer.origin.code not in trainer.codes:
                said.append(f"the code differs from the checkpoint's; to retrain from scratch, remove {trainer.folder}")
            break
    if trainer.step == 0 and distributed.rank() == 0:
        forget_bests(trainer.folder)
    if trainer.step == 0 and trainer.config.start is not None:
        _start_from(trainer, read_checkpoint(trainer.config.start))
        said.append(f"starting from {trainer.config.start} at step {trainer.step} ({trainer.images / 1000:.1f} kimg)")
    newest = max([trainer.step, *(step for step, _ in checkpoints_in(trainer.folder))])
    for component in components:
        component.cut(trainer, newest)
    return "\n".join(said) or None


def _start_from(trainer: Trainer, checkpoint: Checkpoint) -> None:
    """Start from a checkpoint of this stage that may have been trained with other options.

    Raises:
        InputError: it is from another stage or other networks, or is past the stage's end.
    """
    config, record = trainer.config, checkpoint.record
    if record.config["resolution"] != config.resolution or record.images >= trainer.target:
        raise InputError(
            f"{config.start} was trained at resolution {record.config['resolution']} for {record.images / 1000:g} kimg, "
            f"so it cannot continue at resolution {config.resolution} to {config.kimg:g} kimg"
        )
    for name, thing in trainer.objects().items():
        if name not in checkpoint.state:  # a new trick, which starts here
            if name == "ema":
                thing.load_state_dict(checkpoint.state["generator"])
            continue
        try:
            thing.load_state_dict(checkpoint.state[name])
        except (RuntimeError, ValueError) as error:
            raise InputError(f"{config.start} does not fit this stage's {name}: {error}") from error
    for optimizer in trainer.game.optimizers.values():
        for group in optimizer.param_groups:
            group.update(optimizer.defaults)  # as configured now, not as in the checkpoint
    trainer.stand_at(record)


def go_back(trainer: Trainer, checkpoint: Checkpoint | None, components: Components) -> list[str]:
    """Roll back to a checkpoint trained with other options, or to the start. Returns messages on what is reinitialised."""
    said = []
    distributed.wait_for_all()  # until all have read the files moved below
    if checkpoint is None and distributed.rank() == 0:
        set_best_aside(trainer.folder)
    if checkpoint is None and trainer.config.start is not None:
        checkpoint = read_checkpoint(trainer.config.start)
    if checkpoint is not None:
        said = carry_over(trainer.networks, trainer.game.optimizers, checkpoint.state)
        for name, thing in trainer.objects().items():
            if (name.startswith("trick.") or name == "monitor") and name in checkpoint.state:
                thing.load_state_dict(checkpoint.state[name])
        trainer.stand_at(checkpoint.record)
    if distributed.rank() == 0:
        forget_after(trainer.folder, trainer.step)
    for component in components:
        component.cut(trainer, trainer.step)
    trainer.checkpoint()
    return said
