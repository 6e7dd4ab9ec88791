"""Virtual batch normalisation: each sample is normalised by the statistics of a fixed reference batch and itself.

    m  = B/(B+1) E_ref[x]   + 1/(B+1) mean(x)         over pixels, per channel
    m2 = B/(B+1) E_ref[x^2] + 1/(B+1) mean(x^2)
    y  = gamma (x - m) / sqrt(m2 - m^2 + 1e-5) + beta

so that samples do not depend on each other. Before every batch, the reference passes through the network with its current
weights, normalised by its own statistics; this doubles the generator's cost. Source: Salimans et al., "Improved
Techniques for Training GANs", section 3.5, and the released `imagenet/model.py` (gamma ~ N(1, 0.02), generator only).
"""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field, PrivateAttr
from torch import Tensor, nn

from espalier.models.layers import wide
from espalier.stages.tricks.parts import NetworkPlan, Networks
from espalier.stages.tricks.trick import Trick


class VirtualBatchNorm(nn.Module):
    """(B, C) or (B, C, H, W) -> the same shape. While `looking`, the input is the reference batch."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(1 + 0.02 * torch.randn(width))
        self.beta = nn.Parameter(torch.zeros(width))
        self.looking = False
        self.reference: tuple[Tensor, Tensor, int] | None = None

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        places = tuple(range(2, x.ndim))
        given, x = x.dtype, wide(x)
        mean = x.mean(places) if places else x
        square = x.square().mean(places) if places else x.square()
        if self.looking:
            mean, square = mean.mean(0, keepdim=True), square.mean(0, keepdim=True)
            self.reference = mean, square, len(x)
        elif self.reference is not None:
            of_mean, of_square, count = self.reference
            mean, square = (of_mean * count + mean) / (count + 1), (of_square * count + square) / (count + 1)
            self.reference = None  # the next batch computes its own, with the weights at that time
        shape = (-1, x.shape[1], *[1] * len(places))
        scale = self.gamma * (square - mean.square() + 1e-5).rsqrt()
        return ((x - mean.view(shape)) * scale.view(shape) + self.beta.view(shape[1:])).to(given)


def _look_at_reference(network: nn.Module, inputs: Any) -> None:
    """Pass the reference batch through the generator before each of its forward passes."""
    norms = [module for module in network.modules() if isinstance(module, VirtualBatchNorm)]
    if norms[0].looking:
        return
    for norm in norms:
        norm.looking = True
    network(network.reference)
    for norm in norms:
        norm.looking = False


class VirtualBatch(Trick):
    """Replaces the generator's norm."""

    name = "virtual_batch_norm"
    shorthand = "reference"
    reference: int = Field(default=64, ge=2, description="latents in the reference batch")

    _prior: str = PrivateAttr(default="normal")

    def wants(self) -> tuple[str, ...]:
        return ("generator.hidden",)

    def plan_networks(self, plan: NetworkPlan) -> None:
        self._prior = plan.prior
        plan.generator["hidden"].norm = VirtualBatchNorm

    def change_networks(self, networks: Networks) -> None:
        generator = networks.generator
        shape = (self.reference, int(generator.latent))  # type: ignore[arg-type]
        reference = torch.rand(shape) * 2 - 1 if self._prior == "uniform" else torch.randn(shape)
        generator.register_buffer("reference", reference)
        generator.register_forward_pre_hook(_look_at_reference)
