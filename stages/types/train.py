"""python -m espalier.stages.types.train PIPELINE STAGE: train one stage of params.yaml to its end, or on from its checkpoint."""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from espalier.data.errors import InputError
from espalier.data.files import whole_file
from espalier.data.store import Store
from espalier.stages.artifacts.artifact import Artifact, load_parent, parent_input, reads_input, start_input
from espalier.stages.artifacts.history import TrainingFailed
from espalier.stages.artifacts.record import Event, Input, work_key
from espalier.stages.artifacts.workfolder import FAILED, artifact_lock, hold, note_seconds, work_folder
from espalier.stages.config.load import check_start_from, stage_config
from espalier.stages.config.params import PARAMS, read_params
from espalier.stages.config.stage import StageConfig
from espalier.stages.loop.best import kept_words, to_publish
from espalier.stages.loop.healing import NOTHING_DONE, Healing, healing_of
from espalier.stages.loop.publish import publish
from espalier.stages.loop.rollback import Sick, healing_in, next_remedy, rolled_back, way_back
from espalier.stages.loop.trainer import Trainer
from espalier.stages.monitor.verdict import Verdict
from espalier.stages.process import distributed
from espalier.stages.process.device import choose_device
from espalier.stages.process.exits import run
from espalier.stages.process.interruption import Interrupted, Interruption
from espalier.stages.process.progress import Bar, clock
from espalier.stages.process.torchrun import is_launched, launch
from espalier.stages.types.classifier import load_classifier


def find_inputs(config: StageConfig) -> tuple[Store, Artifact | None]:
    """The dataset and the parent that a stage starts from.

    Raises:
        InputError: one is missing.
    """
    store = Store(config.dataset)
    return store, load_parent(config.after, config.at) if config.has_parent else None


def training_folder(config: StageConfig, store: Store, parent: Artifact | None) -> Path:
    """The work folder of a stage with these inputs.

    Raises:
        InputError: the checkpoint it is to go on from is missing.
    """
    dataset = Input(path=config.dataset.as_posix(), digest=store.digest)
    key = work_key(config, dataset, parent_input(parent), start_input(config), reads_input(config, store))
    return work_folder(config.name, key)


def check_inputs(config: StageConfig, store: Store, parent: Artifact | None) -> None:
    """Check a stage's inputs against its configuration, and the pictures against their digest.

    Raises:
        InputError: they do not fit, or are damaged.
    """
    count, held_out = store.manifest.count, config.monitor.hold_out
    if count - held_out < config.batch_size:
        beside = f" beside the {held_out} of monitor.hold_out" if held_out else ""
        raise InputError(
            f"the dataset {config.dataset} has {count} pictures, fewer than one batch of {config.batch_size}{beside}; lower "
            f"batch_size in {PARAMS} (to {max(1, count - held_out)} or less), or add pictures"
        )
    if store.holds_points != (config.resolution is None):
        kind, other = ("points", "pictures") if store.holds_points else ("pictures", "points")
        raise InputError(
            f"the dataset {config.dataset} holds {kind}, and the network {config.network.name} of {PARAMS}: "
            f"{config.pipeline} plays on {other}"
        )
    store.verify(config.resolution)
    if config.network.telling is not None:
        store.verify_told()
    if config.classifier is not None:
        load_classifier(config.classifier, config.resolution, torch.device("cpu"))
    if parent is None:
        return
    check_start_from(config, parent.config)
    if config.grows and parent.record.channels != store.manifest.channels:
        raise InputError(
            f"the parent {config.after} was trained on pictures of {parent.record.channels} channels, the dataset "
            f"{config.dataset} has {store.manifest.channels}; train the chain from its first stage on this dataset"
        )
    if parent.record.reads is not None and parent.record.reads != reads_input(config, store):
        raise InputError(
            f"the parent {config.after} was told sentences by another encoder than what lies at {config.reads} now; "
            f"train it again: dvc repro -f {parent.config.name}"
        )


def train(pipeline: str, stage: str) -> int:
    """Train one stage and publish its artifact. Returns the exit code of the processes it needs, if several."""
    config = stage_config(read_params(), pipeline, stage)
    if config.processes > 1 and not is_launched():
        check_inputs(config, *find_inputs(config))
        return launch(config.processes, "espalier.stages.types.train", pipeline, stage)
    device = choose_device()
    distributed.start(device)
    if config.batch_size % distributed.world():
        raise InputError(f"batch_size {config.batch_size} cannot be shared by {distributed.world()} processes")
    store, parent = find_inputs(config)
    check_inputs(config, store, parent)
    folder = training_folder(config, store, parent)

    def make(healing: Healing) -> Trainer:
        return Trainer(config, store, parent, folder, device, healing)

    if distributed.rank() > 0:
        _train_and_heal(config, make, folder)
    else:
        with hold(folder / "lock", config.name), hold(artifact_lock(config.artifact), str(config.artifact)):
            figures = publish(_train_and_heal(config, make, folder), config.artifact)
        print(f"{config.name} is done: {config.artifact}  " + "  ".join(f"{k} {v:g}" for k, v in figures.items()))
    distributed.stop()
    return 0


def _train_and_heal(config: StageConfig, make: Callable[[Healing], Trainer], folder: Path) -> Trainer:
    """Train to the end, rolling back with a remedy where one is configured. Returns the trainer at the end."""
    may_be_healed = config.heal is not None or config.stop is not None  # else nothing has been done: no second read
    trainer = make(healing_in(folder, round(config.kimg * 1000)) if may_be_healed else NOTHING_DONE)
    said = trainer.resume() if distributed.rank() == 0 else None
    distributed.wait_for_all()  # until rank 0 has set damaged checkpoints aside
    if distributed.rank() > 0:
        trainer.resume()
    if distributed.rank() == 0:
        for sentence in config.warnings:
            print(f"warning: {PARAMS}: {config.pipeline}.{config.stage}: {sentence}", flush=True)
    if said:
        print(said, flush=True)
    while not trainer.done:
        try:
            _train(config, trainer)
        except Sick as sick:
            trainer = _heal(config, trainer, sick, make)
    return _published(trainer, make)


def _published(trainer: Trainer, make: Callable[[Healing], Trainer]) -> Trainer:
    """The trainer of what is published: this one, or one that holds what was better."""
    healing, quality = trainer.healing, trainer.monitor.quality
    found = to_publish(trainer.folder, healing, quality)
    if found is None:
        return trainer
    best, drawn = found
    events = healing.events
    if not healing.stopped:
        words = kept_words(best, healing, quality)
        kept = Event(step=trainer.step, images=trainer.images, kind="kept", to=best.record.step, words=words)
        events = (*events, kept)
        if distributed.rank() == 0:
            print(f"{trainer.config.name}: {words}", flush=True)
    keeper = make(Healing(healing_of(best.record).remedies, events))
    keeper.stand_in_for(trainer, best, drawn)
    return keeper


def _heal(config: StageConfig, trainer: Trainer, sick: Sick, make: Callable[[Healing], Trainer]) -> Trainer:
    """A trainer that stands at the best checkpoint, with the next remedy.

    Raises:
        TrainingFailed: no remedy is left, and values are not finite: of what can go on the watch lets go on.
    """
    remedy, refused = next_remedy(config, trainer.healing, sick)
    if remedy is None:
        raise _failure(config.name, sick.verdict.evidence, trainer.folder)
    best = way_back(trainer.folder, trainer.healing)
    healing = rolled_back(trainer.healing, sick, remedy, best)
    trainer = make(healing)
    lines = [f"{config.name} at {sick.images / 1000:.4g} kimg: {sick.verdict.word}: {sick.verdict.evidence}", *refused]
    lines += [healing.events[-1].words, *trainer.go_back(best)]
    if distributed.rank() == 0:
        print("\n".join(lines), flush=True)
    return trainer


def _failure(name: str, why: str, folder: Path) -> TrainingFailed:
    """The end of a training that cannot go on, which is noted in its work folder until it is tried again."""
    with whole_file(folder / FAILED) as partial:
        partial.write_text(why + "\n", encoding="utf-8")
    return TrainingFailed(
        f"{name}, {why}. The last good checkpoint is kept in {folder}; continuing from it unchanged would fail again. Lower the "
        "learning rate, or strengthen the penalty, in params.yaml; or let it be healed: heal: true"
    )


def _train(config: StageConfig, trainer: Trainer) -> None:
    """Train until the end, an interruption or a verdict."""
    begun = time.monotonic()
    if distributed.rank() == 0:
        (trainer.folder / FAILED).unlink(missing_ok=True)
    try:
        with (
            Interruption() as interruption,
            Bar(config.name, trainer.target, trainer.images, silent=distributed.rank() > 0) as bar,
        ):
            trainer.train(bar, interruption)
    except Interrupted as stop:
        again = f"python -m espalier.stages.types.train {config.pipeline} {config.stage}' or 'dvc repro"
        said = f"{config.name} was {stop}. To continue: '{again}'" if distributed.rank() == 0 else ""
        raise Interrupted(said, stop.code) from None
    except TrainingFailed as error:
        if config.heal is not None:
            raise Sick(Verdict("diverged", str(error)), trainer.step, trainer.images) from None
        raise _failure(config.name, str(error), trainer.folder) from None
    finally:
        if distributed.rank() == 0:
            note_seconds(trainer.folder, time.monotonic() - begun)
    rate = bar.rate(trainer.images)
    if distributed.rank() == 0:
        print(f"{config.name} trained for {clock(time.monotonic() - begun)} at {rate:.0f} img/s", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m espalier.stages.types.train", description="Train one stage of params.yaml."
    )
    parser.add_argument("pipeline", help="a pipeline in params.yaml, such as progan")
    parser.add_argument("stage", help="one of its stages, such as r8")
    arguments = parser.parse_args()
    sys.exit(run(lambda: train(arguments.pipeline, arguments.stage)))
