"""Images a second of a full training step, beside a plain loop of the same mathematics."""

import time
from collections.abc import Callable

from benchmarks.gpu.setting import SMOKE, computing, make, one_step, peak, penalty_of, stage, timed, wait
from benchmarks.step import Plain

SIZES = [(8, 4), (16, 4)] if SMOKE else [(256, 16), (64, 32), (32, 32), (128, 32), (8, 64), (512, 8), (1024, 4)]
"""Resolution and batch size; the sizes that matter most come first, should time run out."""
PRECISIONS = ("bf16", "tf32")
LAZY = 4
TIMES = {8: 30, 16: 20, 32: 20, 64: 12, 128: 8, 256: 6, 512: 4, 1024: 3}


def row(resolution: int, batch: int, name: str, step: Callable[[], object], times: int) -> None:
    """Print one line of the table; what cannot run is said in its place."""
    start = f"| {resolution} | {batch} | {name} |"
    try:
        peak(reset=True)
        milliseconds, host = timed(step, times)
        print(
            f"{start} {milliseconds:.1f} | {1000 * batch / milliseconds:.0f} | {host:.1f} | {peak():.1f} |", flush=True
        )
    except Exception as error:  # out of memory, or an operation that the device lacks: the next line may run
        print(f"{start} {type(error).__name__}: {str(error)[:90]} | | | |", flush=True)
    wait()


def rows(resolution: int, batch: int, until: float) -> None:
    """All lines of one size."""
    times = 1 if SMOKE else TIMES[resolution]
    trainer = make(stage(resolution, batch))
    for mode in PRECISIONS:
        if time.time() < until:
            with computing(mode):
                row(resolution, batch, f"Espalier, {mode}", lambda: one_step(trainer), times)
    penalty = penalty_of(trainer)
    object.__setattr__(penalty, "every", LAZY)
    if time.time() < until:
        row(
            resolution,
            batch,
            f"Espalier, bf16, penalty every {LAZY}",
            lambda: one_step(trainer),
            -(-times // LAZY) * LAZY,
        )
    for mode in PRECISIONS:
        if time.time() < until:
            with computing(mode):
                row(resolution, batch, f"plain, {mode}", Plain(trainer, mode == "bf16"), times)


def main(seconds: float) -> None:
    """Print the table, within about so many seconds."""
    until = time.time() + seconds
    print("| resolution | batch | step | ms | img/s | host ms | peak GiB |\n|---|---|---|---|---|---|---|", flush=True)
    for resolution, batch in SIZES:
        if time.time() < until:
            rows(resolution, batch, until)
