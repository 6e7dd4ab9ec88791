"""Is a training on the device the same bit for bit when it is repeated, and when it is interrupted and resumed?"""

import tempfile
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.gpu.setting import SMOKE, make, stage
from espalier.stages.loop.resume import resume
from espalier.stages.loop.trainer import Trainer
from espalier.stages.process.interruption import Interrupted, Interruption
from espalier.stages.process.progress import Bar
from espalier.stages.types.train import components

RESOLUTION, BATCH, STEPS = (8, 4, 6) if SMOKE else (32, 16, 24)
NETWORK = {"latent": 8, "base": 64, "largest": 8} if SMOKE else {"latent": 128, "base": 4096, "largest": 128}


class StopAt(Interruption):
    """Asks to leave at a step."""

    def __init__(self, trainer: Trainer, step: int) -> None:
        super().__init__()
        self.trainer, self.step = trainer, step

    def reason(self) -> tuple[str, int] | None:
        return ("interrupted", 130) if self.trainer.step >= self.step else None


def trained(folder: Path, until: int) -> dict[str, Tensor]:
    """Train on from what is in the folder, to a step; returns all weights."""
    kimg = {"kimg": STEPS * BATCH / 1000, "network": NETWORK, "watch": {"checkpoint_seconds": 1000}}
    trainer = make(stage(RESOLUTION, BATCH, **kimg), folder=folder)
    stop = StopAt(trainer, until)
    beside = components(trainer.config, trainer, Bar("gpu", trainer.target, trainer.images, silent=True), stop)
    resume(trainer, beside)
    with suppress(Interrupted):
        trainer.train(beside)
    modules = trainer.networks.modules()
    return {f"{n}.{k}": v.detach().cpu().clone() for n, m in modules.items() for k, v in m.state_dict().items()}


def difference(one: dict[str, Tensor], other: dict[str, Tensor]) -> str:
    """Whether two trainings ended at the same weights."""
    apart = [float((one[k] - other[k]).abs().max()) for k in one if not torch.equal(one[k], other[k])]
    return (
        f"{len(apart)} of {len(one)} tensors differ, by {max(apart):.2g} at most" if apart else "the same bit for bit"
    )


def main(seconds: float) -> None:
    """Print the comparison."""
    first, second, third = (Path(tempfile.mkdtemp()) for _ in range(3))
    whole = trained(first, STEPS + 1)
    print(f"repeated: {difference(whole, trained(second, STEPS + 1))}", flush=True)
    trained(third, STEPS // 2)
    resumed = trained(third, STEPS + 1)
    print(f"interrupted at step {STEPS // 2} and resumed: {difference(whole, resumed)}", flush=True)
