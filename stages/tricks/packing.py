"""Packing: the discriminator judges m images jointly, so that it can detect whether they are all alike.

    D(x_1, ..., x_m):  real packs are m independent reals, fake packs G(z_1), ..., G(z_m) with independent z;
    one logit per pack. Only D's first layer is widened, to m times the channels; loss, optimiser and G are unchanged.

Source: Lin et al., "PacGAN: The power of two samples in generative adversarial networks", section 3. The paper's
"PacDCGAN2" is m = 2. The paper's batch size counts packs, ours counts images: batch_size 128 with m = 2 is 64 packs.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from espalier.stages.tricks.parts import NetworkPlan, Setting, View
from espalier.stages.tricks.trick import Trick


class Packing(Trick):
    """Counters mode collapse: a pack of similar fakes is easy to distinguish from a pack of reals."""

    name = "packing"
    shorthand = "m"
    m: int = Field(default=2, ge=1, description="images per pack; batch_size must be divisible by it")

    def acts(self) -> bool:
        return self.m > 1

    def wants(self) -> tuple[str, ...]:
        return ("discriminator.channels",)

    def check(self, setting: Setting) -> None:
        share = setting.batch_size // setting.processes
        if share % self.m:
            raise ValueError(
                f"batch_size {setting.batch_size} in {setting.processes} process(es) cannot be packed by {self.m}; "
                f"use a multiple of {self.m * setting.processes}"
            )

    def plan_networks(self, plan: NetworkPlan) -> None:
        plan.discriminator["channels"] *= self.m

    def samples_per_logit(self) -> int:
        return self.m

    def discriminator_view(self, images: Tensor, view: View) -> Tensor:
        # Pack p consists of images p, p + B/m, ...: so several processes, each with every n-th image of the
        # batch, form the same packs as one process.
        packs = images.reshape(self.m, -1, *images.shape[1:]).transpose(0, 1)
        return packs.reshape(packs.shape[0], -1, *images.shape[2:])
