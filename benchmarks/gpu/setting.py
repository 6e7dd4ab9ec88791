"""The device, trainers of random images on it, and timing."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from espalier.stages.config.stage import StageConfig
from espalier.stages.contracts.component import Terms
from espalier.stages.loop import game
from espalier.stages.loop.trainer import Trainer
from espalier.stages.process.device import choose_device, precision
from espalier.stages.tricks.gradient_penalty import GradientPenalty
from espalier.stages.types.inputs import MadeUpStore, inputs_of
from espalier.stages.types.train import trainer_of

DEVICE = choose_device()
SMOKE = DEVICE.type == "cpu"
"""Without a GPU everything runs at a tiny size: what is then printed shows only that the code runs."""
WIDTH, BASE = (8, 64) if SMOKE else (512, 8192)
PROGAN = {"loss": "wgan", "drift": {}, "minibatch_stddev": {}, "ema": {}, "gradient_penalty": {}}


def stage(resolution: int, batch: int, **options: Any) -> StageConfig:
    """A training stage of ProGAN's full width, or as `options` has it."""
    network = {"latent": WIDTH, "base": BASE, "largest": WIDTH}
    section = {"pipeline": "gpu", "stage": f"r{resolution}", "dataset": "made-up", "kimg": 1000}
    section |= {"resolution": resolution, "batch_size": batch, "network": network, "tricks": PROGAN}
    return StageConfig.model_validate(section | options)


def make(config: StageConfig, images: int = 256, folder: Path | None = None) -> Trainer:
    """A trainer on the device, at step 0."""
    store = MadeUpStore(config.model_copy(update={"batch_size": images}))  # it makes up one batch
    inputs = inputs_of(config, store, None, DEVICE, "code")
    return trainer_of(config, inputs, None, folder or Path(tempfile.mkdtemp()), DEVICE)


def one_step(trainer: Trainer) -> Terms:
    """An iteration, as in training, between two log steps."""
    step, terms = trainer.step, trainer.iterate()
    trainer.meter.add(step, terms)
    return terms


@contextmanager
def computing(mode: str) -> Iterator[None]:
    """As the product does ("bf16", where there is a GPU), or all in "tf32"."""
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    before = products.allow_tf32, convolutions.allow_tf32
    products.allow_tf32 = convolutions.allow_tf32 = mode == "tf32" or before[1]
    try:
        with mock.patch.object(game, "precision", _nothing if mode == "tf32" else precision):
            yield
    finally:
        products.allow_tf32, convolutions.allow_tf32 = before


def _nothing(device: torch.device) -> AbstractContextManager[object]:
    return nullcontext()


def wait() -> None:
    """Until the device has done what it was asked."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def peak(reset: bool = False) -> float:
    """GiB held at most since the last reset."""
    if DEVICE.type == "cpu":
        return 0.0
    found = torch.cuda.max_memory_allocated() / 2**30
    if reset:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    return found


def timed(step: Callable[[], object], times: int, warm: int = 3) -> tuple[float, float]:
    """Milliseconds of one step: the mean of all, and the median of what the host alone spends."""
    for _ in range(warm):
        step()
    wait()
    host, begun = [], time.perf_counter()
    for _ in range(times):
        before = time.perf_counter()
        step()
        host.append(time.perf_counter() - before)
    wait()
    return 1000 * (time.perf_counter() - begun) / times, 1000 * statistics.median(host)


def seconds(action: Callable[[], object]) -> float:
    """Seconds of one call, the device's work included."""
    wait()
    begun = time.perf_counter()
    action()
    wait()
    return time.perf_counter() - begun


def penalty_of(trainer: Trainer) -> GradientPenalty:
    """The gradient penalty that a trainer uses."""
    (found,) = (trick for trick in trainer.game.tricks if isinstance(trick, GradientPenalty))
    return found
