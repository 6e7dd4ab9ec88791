"""python -m espalier.stages.loop.profile PIPELINE STAGE: a few steps at the stage's real sizes; prints what they cost as JSON."""

import argparse
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from espalier.data.errors import InputError
from espalier.data.store import Manifest, Store
from espalier.models.fashiongan.told import CLASSES as CLASSES_OF_MAPS
from espalier.stages.artifacts.artifact import reads_input
from espalier.stages.config.load import stage_config
from espalier.stages.config.params import read_params
from espalier.stages.config.stage import StageConfig
from espalier.stages.loop.trainer import Trainer
from espalier.stages.process.device import choose_device
from espalier.stages.process.exits import run
from espalier.stages.tricks.trick import Term

MOST_STEPS = 16
CLASSES = 10


class MadeUpStore(Store):
    """Random pictures in place of a dataset that is not prepared yet."""

    def __init__(self, config: StageConfig) -> None:
        resolution, count, channels = config.resolution, config.batch_size, 3
        self.path, self.shape = config.dataset, (count, *([resolution, resolution] if resolution else []), channels)
        self.code_width = getattr(config.network, "code", 0)
        self.manifest = Manifest(
            format=1,
            count=count,
            channels=channels,
            resolutions=[resolution] if resolution else [],
            classes=[str(c) for c in range(CLASSES)],
            source={},
            damaged=[],
            digests={},
        )

    def images(self, resolution: int) -> NDArray[np.uint8]:
        """Uniform noise."""
        return np.random.default_rng(0).integers(0, 256, self.shape, dtype=np.uint8)

    def points(self) -> NDArray[np.float32]:
        """Gaussian noise."""
        return np.random.default_rng(0).standard_normal(self.shape, dtype=np.float32)

    def maps(self, resolution: int) -> NDArray[np.uint8]:
        """Classes at random."""
        return np.random.default_rng(0).integers(0, CLASSES_OF_MAPS, self.shape[:3], dtype=np.uint8)

    def codes(self) -> NDArray[np.float32]:
        """Gaussian noise."""
        return np.random.default_rng(0).standard_normal((self.shape[0], self.code_width), dtype=np.float32)

    def labels(self) -> NDArray[np.int64]:
        """Classes in turn."""
        return np.arange(self.shape[0]) % CLASSES


def measure(config: StageConfig) -> dict[str, float | bool]:
    """Cost of a stage: seconds a step, images a second, seconds in all, bytes at the peak, parameters.

    After one step to warm up, at least two are timed, as many as the laziest term needs to be due once.
    """
    begun = _peak_bytes()
    prepared = True
    try:
        store = Store(config.dataset)
        _ = store.points() if config.resolution is None else store.images(config.resolution)
        reads_input(config, store)
    except InputError:
        prepared = False
        store = MadeUpStore(config)
        config = config.model_copy(update={"reads": config.reads and config.dataset})  # codes are made up, too
    trainer = Trainer(config, store, None, Path("/nonexistent"), choose_device())
    trainer.iterate()
    laziest = max([t.every for t in config.tricks.others if isinstance(t, Term)], default=1)
    steps = min(max(2, laziest), MOST_STEPS)
    start, shown = time.perf_counter(), trainer.images
    for _ in range(steps):
        trainer.meter.add(trainer.step, trainer.iterate())
    trainer.meter.read()
    seconds = (time.perf_counter() - start) / steps
    rate = (trainer.images - shown) / steps / seconds
    networks = trainer.networks
    return {
        "seconds_per_step": seconds,
        "images_per_second": rate,
        "seconds": config.kimg * 1000 / rate,
        "peak_bytes": _peak_bytes(),
        "base_bytes": begun,
        "generator_parameters": sum(p.numel() for p in networks.generator.parameters()),
        "discriminator_parameters": sum(p.numel() for p in networks.discriminator.parameters()),
        "prepared": prepared,
    }


def _peak_bytes() -> int:
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m espalier.stages.loop.profile", description="What a stage will cost."
    )
    parser.add_argument("pipeline")
    parser.add_argument("stage")
    arguments = parser.parse_args()
    sys.exit(run(lambda: print(json.dumps(measure(stage_config(read_params(), arguments.pipeline, arguments.stage))))))
