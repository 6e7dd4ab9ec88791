"""Minibatch standard deviation: one extra feature map that shows the discriminator the variation within its batch.

    s_g = mean over C, H, W of sqrt( var over the group's samples + 1e-8 ),  replicated over 4x4

Population variance; groups are strided (sample i with i + M, i + 2M, ..., where M = B / group). Source: Karras et
al., "Progressive Growing of GANs", section 3, with the groups of 4 of the released networks.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from espalier.stages.tricks.parts import NetworkPlan, Setting
from espalier.stages.tricks.trick import Trick


class StddevMap(nn.Module):
    """(B, C, H, W) -> (B, C + 1, H, W), or (B, C) -> (B, C + 1)."""

    added_features = 1

    def __init__(self, group: int) -> None:
        super().__init__()
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        group = min(self.group, len(x))
        wide = x.to(torch.promote_types(x.dtype, torch.float32))  # in bfloat16, a deviation of 0.001 reads 0.0013
        grouped = wide.reshape(group, -1, *x.shape[1:])
        deviation = ((grouped - grouped.mean(dim=0)).square().mean(dim=0) + 1e-8).sqrt()
        a_group = deviation.flatten(1).mean(dim=1).to(x.dtype)
        a_sample = a_group.repeat(group).view(-1, *[1] * (x.ndim - 1)).expand(-1, 1, *x.shape[2:])
        return torch.cat([x, a_sample], dim=1)


class MinibatchStddev(Trick):
    """Lets the discriminator penalise a generator whose images are all alike."""

    name = "minibatch_stddev"
    group: int = Field(default=4, ge=2, description="samples per group; must divide the batch")

    def wants(self) -> tuple[str, ...]:
        return ("discriminator.statistics",)

    def check(self, setting: Setting) -> None:
        count = setting.logits
        few = count <= self.group and setting.processes == 1  # then all of them are one group
        if count % self.group and not few:
            images = setting.batch_size // count
            down = count - count % self.group
            fitting = " or ".join(str(n * images) for n in (down, down + self.group) if n)
            raise ValueError(
                f"the discriminator gives {count} logits per batch of {setting.batch_size}, which minibatch_stddev's group "
                f"{self.group} does not divide; use batch_size {fitting}"
            )

    def plan_networks(self, plan: NetworkPlan) -> None:
        plan.discriminator["statistics"] = StddevMap(self.group)
