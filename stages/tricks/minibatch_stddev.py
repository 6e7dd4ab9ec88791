"""Minibatch standard deviation: one extra feature map that shows the discriminator the variation within its batch.

    s_g = mean over C, H, W of sqrt( var over the group's samples + 1e-8 ),  replicated over 4x4

Population variance; groups are strided (sample i with i + M, i + 2M, ..., where M = B / group). Source: Karras et
al., "Progressive Growing of GANs", section 3, with the groups of 4 of the released networks.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from espalier.models.layers import wide
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
        grouped = wide(x).reshape(group, -1, *x.shape[1:])
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
        alone = setting.processes == setting.micro_batches == 1
        if count % self.group and setting.micro_batches > 1:
            raise ValueError(
                f"a micro-batch gives {count} logits, which minibatch_stddev's group {self.group} does not divide; use a "
                f"micro_batch that is a multiple of {self.group * setting.samples_per_logit}"
            )
        if count % self.group and not (count <= self.group and alone):  # then all of them are one group
            images = setting.batch_size // count
            down = count - count % self.group
            fitting = " or ".join(str(n * images) for n in (down, down + self.group) if n)
            raise ValueError(
                f"the discriminator gives {count} logits per batch of {setting.batch_size}, which minibatch_stddev's group "
                f"{self.group} does not divide; use batch_size {fitting}"
            )

    def plan_networks(self, plan: NetworkPlan) -> None:
        plan.discriminator["statistics"] = StddevMap(self.group)
