"""Where a step waits for the device, how many kernels it launches, and how long the device is busy."""

import collections
import warnings
from pathlib import Path
from typing import Any

import torch
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from benchmarks.gpu.setting import DEVICE, SMOKE, make, one_step, stage, wait

SIZES = [(8, 4)] if SMOKE else [(32, 32), (256, 16)]
STEPS = 4
LAUNCHES = ("cudaLaunchKernel", "cudaLaunchKernelExC", "cuLaunchKernel", "cuLaunchKernelEx")


def synchronising(step: Any) -> None:
    """Print the lines of a step that wait for the device."""
    torch.cuda.set_sync_debug_mode("warn")
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for _ in range(STEPS):
            step()
    torch.cuda.set_sync_debug_mode("default")
    where = [f"{Path(w.filename).name}:{w.lineno}" for w in found if "sync" in str(w.message).lower()]
    print(f"  waits for the device: {len(where) / STEPS:.1f} a step {dict(collections.Counter(where))}")


def busy(step: Any) -> None:
    """Print the device's time, its launches, and the kernels that take longest."""
    device = [ProfilerActivity.CUDA] if DEVICE.type == "cuda" else []
    with profile(activities=[ProfilerActivity.CPU, *device]) as profiled:
        for _ in range(STEPS):
            step()
        wait()
    events = profiled.key_averages()
    kernels = [e for e in events if e.device_type == DeviceType.CUDA]
    spent = {e.key: (e.self_device_time_total, e.count) for e in kernels}
    total = sum(time for time, _ in spent.values())
    launches = sum(e.count for e in events if e.key in LAUNCHES)
    operations = sum(e.count for e in events if e.key.startswith("aten::"))
    print(
        f"  device busy {total / STEPS / 1e3:.2f} ms, {launches / STEPS:.0f} launches, {operations / STEPS:.0f} operations"
    )
    for name, (time, count) in sorted(spent.items(), key=lambda item: -item[1][0])[: 14 if total else 0]:
        print(f"  {time / total:6.1%} x{count / STEPS:<6.1f} {name[:100]}")


def main(seconds: float) -> None:
    """Print it for a small and a large size."""
    for resolution, batch in SIZES:
        trainer = make(stage(resolution, batch))
        print(f"{resolution} px, batch {batch}")
        for _ in range(3):
            one_step(trainer)
        wait()
        if DEVICE.type == "cuda":
            synchronising(lambda: one_step(trainer))  # noqa: B023
        busy(lambda: one_step(trainer))  # noqa: B023
