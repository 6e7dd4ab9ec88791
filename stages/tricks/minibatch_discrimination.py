"""Minibatch discrimination: appends each sample's similarity to the others in its batch to its features.

    M_i = T f(x_i)  in R^(kernels x dimensions)
    c_b(i, j) = exp( -|| M_i,b - M_j,b ||_1 ),   o(x_i)_b = sum over j != i of c_b(i, j)

and [f, o] feeds the logit. Source: Salimans et al., "Improved Techniques for Training GANs", section 3.2; 100 kernels of 5
dimensions as in the released CIFAR-10 code, which also normalises T and adds a bias, omitted here. The paper's sum includes
j = i, a constant 1. Reals and fakes are in separate batches. `minibatch_stddev` is cheaper and has no weights.
"""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Tensor, nn

from espalier.models import processes
from espalier.models.layers import wide
from espalier.stages.tricks.parts import NetworkPlan
from espalier.stages.tricks.trick import Trick


class Similarity(nn.Module):
    """(B, A) -> (B, A + kernels)."""

    def __init__(self, kernels: int, dimensions: int) -> None:
        super().__init__()
        self.added_features, self.dimensions = kernels, dimensions
        self.transform = nn.Parameter(torch.empty(0))

    def build(self, features: int) -> None:
        """Create T for this number of features."""
        shape = (features, self.added_features * self.dimensions)
        self.transform = nn.Parameter(torch.randn(shape) / math.sqrt(features))

    def forward(self, f: Tensor) -> Tensor:
        with torch.autocast(f.device.type, enabled=False):
            m = (wide(f) @ self.transform).view(len(f), self.added_features, self.dimensions)
        others = processes.everyone(m) if self.training else m
        close = torch.exp(-(m[:, None] - others[None]).abs().sum(3))
        return torch.cat([f, close.sum(1) - 1], dim=1)


class MinibatchDiscrimination(Trick):
    """Lets the discriminator detect that fakes are alike."""

    name = "minibatch_discrimination"
    kernels: int = Field(default=100, ge=1, description="B, similarities per sample")
    dimensions: int = Field(default=5, ge=1, description="C, dimensions of each similarity")

    def whole_batch(self) -> str | None:
        return "every image is compared with the whole batch"

    def wants(self) -> tuple[str, ...]:
        return ("discriminator.similarity",)

    def plan_networks(self, plan: NetworkPlan) -> None:
        plan.discriminator["similarity"] = Similarity(self.kernels, self.dimensions)
