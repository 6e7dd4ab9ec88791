"""Dropout after hidden layers: each value is zeroed with probability p, the others are divided by 1 - p.

Source: Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks" (pix2pix), section 3.2.1: 0.5 in the
generator, in training and when sampling, as its source of noise; ganhacks #17. In the discriminator it is also active in the
generator's step, as in the released code of Salimans et al. It does not help unconditional generators.
"""

from __future__ import annotations

from pydantic import Field

from espalier.stages.tricks.parts import NetworkPlan, Setting
from espalier.stages.tricks.trick import Trick


class Dropout(Trick):
    """Written `dropout: {generator: 0.5}`."""

    name = "dropout"
    generator: float = Field(default=0.0, ge=0, lt=1, description="share of the generator's values set to zero")
    discriminator: float = Field(default=0.0, ge=0, lt=1, description="share of the discriminator's values set to zero")
    when_sampling: bool = Field(
        default=True, description="keep the generator's dropout active when sampling (ganhacks #17)"
    )

    def wants(self) -> tuple[str, ...]:
        return ("generator.hidden", "discriminator.hidden")

    def check(self, setting: Setting) -> None:
        if self.discriminator and setting.maxout:
            raise ValueError("dropout.discriminator does not apply to maxout layers; use network.maxout: 0")

    def plan_networks(self, plan: NetworkPlan) -> None:
        plan.generator["hidden"].dropout = self.generator
        plan.generator["hidden"].dropout_when_sampling = self.when_sampling
        plan.discriminator["hidden"].dropout = self.discriminator
