"""What the loop does beside its steps: batches, sample sheets, probes, checkpoints."""

import statistics
import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks.gpu.setting import DEVICE, SMOKE, make, one_step, seconds, stage
from espalier.stages.loop.watch import Watch

RESOLUTION, BATCH, IMAGES = (16, 4, 64) if SMOKE else (256, 32, 2000)


def loading() -> None:
    """Print the time of a batch from a memory map, and of its copy to the device."""
    trainer = make(stage(RESOLUTION, BATCH), images=BATCH)
    file = Path(tempfile.mkdtemp()) / "images.npy"
    stored = np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=(IMAGES, RESOLUTION, RESOLUTION, 3))
    stored[:] = 7
    stored.flush()
    trainer.batches.reals, trainer.batches.trained_on = np.load(file, mmap_mode="r"), np.arange(IMAGES)
    for which in ("first", "second"):
        spent = [1000 * seconds(lambda k=k: trainer.batches.at(k * BATCH, BATCH)) for k in range(20)]  # type: ignore[misc]
        print(
            f"a batch of {BATCH} at {RESOLUTION} px, {which} time: {statistics.median(spent):.2f} ms, at most {max(spent):.1f}"
        )
    rows = torch.randint(0, 255, (BATCH, RESOLUTION, RESOLUTION, 3), dtype=torch.uint8)
    for name, batch in (("pageable", rows), ("pinned", rows if SMOKE else rows.pin_memory())):
        batch.to(DEVICE)
        spent = [1000 * seconds(lambda b=batch: b.to(DEVICE, non_blocking=True)) for _ in range(20)]  # type: ignore[misc]
        print(f"its copy to the device, {name}: {statistics.median(spent):.2f} ms")


def watching() -> None:
    """Print the seconds of each thing that happens now and then."""
    trainer = make(stage(RESOLUTION, 8), images=64 if SMOKE else 600)
    for _ in range(2):
        one_step(trainer)
    watch = Watch(trainer.config)
    print(f"at {RESOLUTION} px, seconds of")
    print(f"  the probe's reals: {seconds(lambda: watch.start(trainer)):.2f}")
    probe = trainer.monitor.probe
    if probe is not None:
        latent = trainer.latents(probe.count)
        fakes = trainer.samples(latent, averaged=False)
        print(f"  {probe.count} samples: {seconds(lambda: trainer.samples(latent, averaged=False)):.2f}")
        print(f"  their probe: {seconds(lambda: probe.see(fakes)):.2f}")
    sheet = trainer.sheet()
    print(f"  a sample sheet: {seconds(trainer.sheet):.2f}")
    print(f"  its PNG: {seconds(lambda: sheet.save(trainer.folder / 'sheet.png')):.2f}")
    print(f"  a checkpoint: {seconds(trainer.checkpoint):.2f}")
    print(f"  its size, MiB: {next(trainer.folder.glob('step-*.pt')).stat().st_size >> 20}")


def main(limit: float) -> None:
    """Print all of it."""
    loading()
    watching()
