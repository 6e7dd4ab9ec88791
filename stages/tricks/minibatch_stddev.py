"""Minibatch standard deviation: one extra map that tells the discriminator how varied its batch is.

    s_g = mean over C, H, W of sqrt( var over the group's samples + 1e-8 ),  replicated over 4x4

Population variance; groups are strided (sample i with i + M, i + 2M, ..., where M = B / group). Source: Karras et
al., "Progressive Growing of GANs", section 3, with the groups of 4 of the released networks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from pydantic import Field
from torch import Tensor, nn

from stages.tricks.trick import NetworkPlan, Trick

if TYPE_CHECKING:
    from stages.config import StageConfig


class StddevMap(nn.Module):
    """(B, C, H, W) -> (B, C + 1, H, W)."""

    added_channels = 1

    def __init__(self, group: int) -> None:
        super().__init__()
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        group = min(self.group, len(x))
        grouped = x.reshape(group, -1, *x.shape[1:])
        deviation = ((grouped - grouped.mean(dim=0)).square().mean(dim=0) + 1e-8).sqrt()
        a_group = deviation.mean(dim=(1, 2, 3)).to(x.dtype)
        a_sample = a_group.repeat(group)[:, None, None, None].expand(-1, 1, *x.shape[2:])
        return torch.cat([x, a_sample], dim=1)


class MinibatchStddev(Trick):
    """Lets the discriminator punish a generator whose pictures are all alike."""

    name = "minibatch_stddev"
    group: int = Field(default=4, ge=2, description="samples a group; the batch must be divisible by it")

    def check(self, config: StageConfig) -> None:
        if config.batch_size > self.group and config.batch_size % self.group:
            down = config.batch_size - config.batch_size % self.group
            raise ValueError(
                f"batch_size {config.batch_size} is not divisible by minibatch_stddev's group {self.group}; "
                f"right would be batch_size {down} or {down + self.group}"
            )

    def plan_networks(self, plan: NetworkPlan) -> None:
        plan.discriminator["statistics"] = StddevMap(self.group)
