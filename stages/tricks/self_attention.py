"""Self-attention: each position of a feature map attends to all others.

    f, g, h = 1x1 convolutions of x to C/8, C/8 and C/2 channels; g and h then halved by 2x2 max pooling
    A = softmax over positions j of f_i . g_j     (no scaling)
    y = x + gamma v(A h),   v a 1x1 convolution back to C;  gamma starts at 0, so that y = x

Source: Zhang et al., "Self-Attention Generative Adversarial Networks", section 3; the pooling, the C/2 and the missing
biases follow the released code (`non_local.py`), which applies it at 32 x 32 of 128 x 128 in both networks, with
spectrally normalised convolutions: add `spectral_norm: both` for that.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from espalier.data.sources.source import Resolution
from espalier.models.norms import MakeNorm
from espalier.stages.tricks.parts import NetworkPlan, Setting
from espalier.stages.tricks.trick import Trick


class Attention(nn.Module):
    """(B, C, H, W) -> (B, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow, half = max(1, channels // 8), max(1, channels // 2)
        self.f, self.g = (nn.Conv2d(channels, narrow, 1, bias=False) for _ in range(2))
        self.h, self.v = nn.Conv2d(channels, half, 1, bias=False), nn.Conv2d(half, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def weights(self, x: Tensor) -> Tensor:
        """A: (B, positions, positions / 4), each row a distribution."""
        queries = self.f(x).flatten(2)
        keys = F.max_pool2d(self.g(x), 2).flatten(2)
        return torch.softmax(queries.transpose(1, 2) @ keys, dim=2)

    def forward(self, x: Tensor) -> Tensor:
        values = F.max_pool2d(self.h(x), 2).flatten(2)
        seen = values @ self.weights(x).transpose(1, 2)
        attended: Tensor = self.v(seen.view(len(x), -1, *x.shape[2:]))
        return x + self.gamma * attended


class SelfAttention(Trick):
    """Written `self_attention: {generator: [32], discriminator: [32]}`: resolutions of the feature maps."""

    name = "self_attention"
    generator: tuple[Resolution, ...] = Field(default=(), description="resolutions in the generator")
    discriminator: tuple[Resolution, ...] = Field(default=(), description="resolutions in the discriminator")

    def wants(self) -> tuple[str, ...]:
        return ("generator.attention", "discriminator.attention")

    def check(self, setting: Setting) -> None:
        if not (self.generator or self.discriminator):
            raise ValueError("self_attention has no resolution; use {generator: [16], discriminator: [16]}")
        for player, chosen in (("generator", self.generator), ("discriminator", self.discriminator)):
            beyond = [r for r in chosen if setting.resolution is not None and r > setting.resolution]
            if beyond and not setting.grows and setting.network != "progan":
                raise ValueError(
                    f"self_attention.{player}: {beyond[0]} exceeds the images' {setting.resolution}x{setting.resolution}"
                )

    def plan_networks(self, plan: NetworkPlan) -> None:
        def layers(resolutions: tuple[int, ...]) -> dict[int, MakeNorm]:
            return dict.fromkeys(resolutions, Attention)

        plan.generator["attention"], plan.discriminator["attention"] = (
            layers(self.generator),
            layers(self.discriminator),
        )
