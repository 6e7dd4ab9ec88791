"""The training position, and random generators keyed by (seed, stage, step, rank, purpose) only."""

from dataclasses import dataclass

import torch
from torch import Tensor

from espalier.models import processes
from espalier.stages.process.seeds import derive_seed


@dataclass(frozen=True, slots=True)
class StepContext:
    """The training position: `step` iterations done so far, `images` reals shown to the discriminator before this turn.

    `batch` is the global batch, over all processes; `turn` counts the `turns` discriminator steps within the iteration. The
    generator's step has the images of the last of them.
    """

    seed: int
    stage: str
    step: int
    images: int
    batch: int
    device: torch.device
    turn: int = 0
    turns: int = 1

    def random(self, *purpose: object) -> torch.Generator:
        """A separate generator for each purpose, on the device; the same in all processes."""
        key = (self.seed, self.stage, self.step, self.turn, *purpose)
        return torch.Generator(self.device).manual_seed(derive_seed(*key))

    def uniform(self, shape: tuple[int, ...], *purpose: object) -> Tensor:
        """U(0, 1) of this shape: this process's share (first dimension) of the draw for the whole batch."""
        whole = (shape[0] * processes.shares(), *shape[1:])
        return processes.mine(torch.rand(whole, generator=self.random(*purpose), device=self.device))

    def integers(self, high: int, shape: tuple[int, ...], *purpose: object) -> Tensor:
        """Integers in [0, high), int64, split between processes likewise."""
        whole = (shape[0] * processes.shares(), *shape[1:])
        drawn = torch.randint(high, whole, generator=self.random(*purpose), device=self.device)
        return processes.mine(drawn)

    def normal(self, shape: tuple[int, ...], *purpose: object) -> Tensor:
        """N(0, 1) of this shape, split between processes likewise."""
        whole = (shape[0] * processes.shares(), *shape[1:])
        return processes.mine(torch.randn(whole, generator=self.random(*purpose), device=self.device))


def draw_latents(context: StepContext, shape: tuple[int, int], prior: str, *purpose: object) -> Tensor:
    """Latents (B, length) of a prior: "normal" is N(0, 1), "uniform" is U(-1, 1)."""
    if prior == "uniform":
        return context.uniform(shape, *purpose) * 2 - 1
    return context.normal(shape, *purpose)
