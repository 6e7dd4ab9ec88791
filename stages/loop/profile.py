"""Profile a stage: run a few steps at full size."""

import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import torch

from espalier.stages.loop.trainer import Trainer
from espalier.stages.tricks.trick import Term

MOST_STEPS = 16


def profile(make: Callable[[], Trainer]) -> dict[str, float]:
    """Measure seconds per step, images per second, total seconds, peak bytes and parameter counts.

    After one warm-up step, time at least two steps, and enough for the least frequent term to be due once.
    """
    begun = _peak_bytes()
    trainer = make()
    config = trainer.config
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
        "disk_bytes": _disk_bytes(trainer),
        "discriminator_parameters": sum(p.numel() for p in networks.discriminator.parameters()),
    }


def _disk_bytes(trainer: Trainer) -> int:
    """What the stage needs at most: two checkpoints and one for each milestone in the work folder; weights in the artifact and in
    DVC's cache, for the end and each milestone."""
    config = trainer.config
    checkpoint = sum(_size_of(part.state_dict()) for part in trainer.objects().values())
    networks = (trainer.networks.ema, trainer.networks.discriminator)
    weights = sum(_size_of(network.state_dict()) for network in networks)
    milestones = int(config.kimg // config.milestone_kimg) if config.milestone_kimg else 0
    copies = 3 if config.watch.milestone_checkpoints else 1
    return 2 * checkpoint + 2 * weights + milestones * (copies * checkpoint + 2 * weights)


def _size_of(state: Any) -> int:
    """Bytes of the tensors in a state."""
    if isinstance(state, torch.Tensor):
        return state.nbytes
    if isinstance(state, dict):
        return sum(_size_of(value) for value in state.values())
    return sum(_size_of(value) for value in state) if isinstance(state, list | tuple) else 0


def _peak_bytes() -> int:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
