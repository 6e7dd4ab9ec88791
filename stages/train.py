"""python -m stages.train PIPELINE STAGE: train one stage of params.yaml to its end, or on from its checkpoint."""

import argparse
import sys
import time
from pathlib import Path

import torch

from data.errors import InputError
from data.store import Store
from stages import distributed
from stages.artifact import Artifact, load_parent, parent_input, reads_input, start_input
from stages.classify import load_classifier
from stages.config import StageConfig
from stages.device import choose_device
from stages.entry import run
from stages.history import TrainingFailed
from stages.interruption import Interrupted, Interruption
from stages.launch import is_launched, launch
from stages.lineage import Input, work_key
from stages.params import PARAMS, read_params
from stages.progress import Bar, clock
from stages.publish import publish
from stages.trainer import Trainer
from stages.validation import check_start_from, stage_config
from stages.workfolder import artifact_lock, hold, work_folder


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
    if store.manifest.count < config.batch_size:
        raise InputError(
            f"the dataset {config.dataset} has {store.manifest.count} pictures, fewer than one batch of "
            f"{config.batch_size}; lower batch_size in {PARAMS} (to {store.manifest.count} or less), or add pictures"
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
        return launch(config.processes, "stages.train", pipeline, stage)
    device = choose_device()
    distributed.start(device)
    if config.batch_size % distributed.world():
        raise InputError(f"batch_size {config.batch_size} cannot be shared by {distributed.world()} processes")
    store, parent = find_inputs(config)
    check_inputs(config, store, parent)
    folder = training_folder(config, store, parent)
    if distributed.rank() > 0:
        _train(config, Trainer(config, store, parent, folder, device))
    else:
        with hold(folder / "lock", config.name), hold(artifact_lock(config.artifact), str(config.artifact)):
            trainer = Trainer(config, store, parent, folder, device)
            _train(config, trainer)
            figures = publish(trainer, config.artifact)
        print(f"{config.name} is done: {config.artifact}  " + "  ".join(f"{k} {v:g}" for k, v in figures.items()))
    distributed.stop()
    return 0


def _train(config: StageConfig, trainer: Trainer) -> None:
    said = trainer.resume() if distributed.rank() == 0 else None
    distributed.wait_for_all()  # until rank 0 has set damaged checkpoints aside
    if distributed.rank() > 0:
        trainer.resume()
    if distributed.rank() == 0:
        for sentence in config.warnings:
            print(f"warning: {PARAMS}: {config.pipeline}.{config.stage}: {sentence}", flush=True)
    if said:
        print(said, flush=True)
    if trainer.images >= trainer.target:
        return
    begun = time.monotonic()
    try:
        with (
            Interruption() as interruption,
            Bar(config.name, trainer.target, trainer.images, silent=distributed.rank() > 0) as bar,
        ):
            trainer.train(bar, interruption)
    except Interrupted as stop:
        again = f"python -m stages.train {config.pipeline} {config.stage}' or 'dvc repro"
        said = f"{config.name} was {stop}. To continue: '{again}'" if distributed.rank() == 0 else ""
        raise Interrupted(said, stop.code) from None
    except TrainingFailed as error:
        raise TrainingFailed(
            f"{config.name}, {error}. The last good checkpoint is kept in {trainer.folder}; continuing from it "
            "unchanged would fail again. Lower the learning rate, or strengthen the penalty, in params.yaml"
        ) from None
    rate = bar.rate(trainer.images)
    if distributed.rank() == 0:
        print(f"{config.name} trained for {clock(time.monotonic() - begun)} at {rate:.0f} img/s", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m stages.train", description="Train one stage of params.yaml.")
    parser.add_argument("pipeline", help="a pipeline in params.yaml, such as progan")
    parser.add_argument("stage", help="one of its stages, such as r8")
    arguments = parser.parse_args()
    sys.exit(run(lambda: train(arguments.pipeline, arguments.stage)))
