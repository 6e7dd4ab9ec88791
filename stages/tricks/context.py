"""Where training is, and the random generators keyed by it: by (seed, stage, step, rank, purpose) and nothing else."""

from dataclasses import dataclass

import torch
from torch import Tensor

from espalier.stages.process import distributed
from espalier.stages.process.seeds import derive_seed


@dataclass(frozen=True, slots=True)
class StepContext:
    """Where training is: `step` iterations done before, `images` reals shown to the discriminator before.

    `batch` is the global batch, over all processes; `turn` counts discriminator steps within the iteration.
    """

    seed: int
    stage: str
    step: int
    images: int
    batch: int
    device: torch.device
    turn: int = 0

    def random(self, *purpose: object) -> torch.Generator:
        """A generator of its own for each purpose, on the device; the same in all processes."""
        key = (self.seed, self.stage, self.step, self.turn, *purpose)
        return torch.Generator(self.device).manual_seed(derive_seed(*key))

    def uniform(self, shape: tuple[int, ...], *purpose: object) -> Tensor:
        """U(0, 1) of this shape: this process's share (first dimension) of what one process would draw for all."""
        whole = (shape[0] * distributed.world(), *shape[1:])
        return distributed.share(torch.rand(whole, generator=self.random(*purpose), device=self.device))

    def integers(self, high: int, shape: tuple[int, ...], *purpose: object) -> Tensor:
        """Whole numbers from 0 below `high`, int64, shared out likewise."""
        whole = (shape[0] * distributed.world(), *shape[1:])
        drawn = torch.randint(high, whole, generator=self.random(*purpose), device=self.device)
        return distributed.share(drawn)

    def normal(self, shape: tuple[int, ...], *purpose: object) -> Tensor:
        """N(0, 1) of this shape, shared out likewise."""
        whole = (shape[0] * distributed.world(), *shape[1:])
        return distributed.share(torch.randn(whole, generator=self.random(*purpose), device=self.device))


def draw_latents(context: StepContext, shape: tuple[int, int], prior: str, *purpose: object) -> Tensor:
    """Latents (B, length) of a prior: "normal" is N(0, 1), "uniform" is U(-1, 1)."""
    if prior == "uniform":
        return context.uniform(shape, *purpose) * 2 - 1
    return context.normal(shape, *purpose)
