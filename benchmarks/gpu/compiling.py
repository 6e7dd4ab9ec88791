"""What torch.compile would cost and gain: the generator compiled, which Espalier does not do."""

import torch

from benchmarks.gpu.setting import SMOKE, make, one_step, seconds, stage, timed

SIZES = [(8, 4)] if SMOKE else [(64, 32), (256, 16)]


def gain(resolution: int, batch: int) -> None:
    """Print a step's time before and after, and how long compiling took."""
    times = 1 if SMOKE else 8
    trainer = make(stage(resolution, batch))
    eager, _ = timed(lambda: one_step(trainer), times)
    trainer.networks.generator.compile(backend="eager" if SMOKE else "inductor")
    first = seconds(lambda: one_step(trainer))
    compiled, _ = timed(lambda: one_step(trainer), times)
    print(
        f"{resolution} px, batch {batch}: {eager:.1f} ms a step, {compiled:.1f} ms with a compiled generator",
        flush=True,
    )
    print(f"  the first compiled step took {first:.1f} s", flush=True)
    torch._dynamo.reset()


def main(limit: float) -> None:
    """Print it for a small and a large size."""
    for size in SIZES:
        gain(*size)
