"""Normalisation after hidden layers.

    batch      over the batch and pixels of each channel    Ioffe and Szegedy, "Batch Normalization"; DCGAN
    instance   over the pixels of each channel and sample   Ulyanov et al., "Instance Normalization"; ganhacks #4
    layer      over channels and pixels of each sample      Ba et al., "Layer Normalization"; WGAN-GP's critics
    pixel      over the channels of each pixel              Karras et al., "Progressive Growing of GANs", section 4.2
    none

Sources: as listed above. The modules are in `models/norms.py`. By default each network uses its paper's norms; this
replaces them. Reals and fakes are never in the same batch (ganhacks #4). `virtual_batch_norm` and
`conditional_batch_norm` are separate tricks.
"""

from __future__ import annotations

from pydantic import Field

from espalier.models.norms import NORMS, NormName
from espalier.stages.tricks.parts import NetworkPlan, Setting
from espalier.stages.tricks.trick import Trick


class Norm(Trick):
    """Written `norm: {generator: batch, discriminator: none}`; an omitted player keeps the network's norm."""

    name = "norm"
    generator: NormName | None = Field(default=None, description="norm of the generator's hidden layers")
    discriminator: NormName | None = Field(default=None, description="norm of the discriminator's hidden layers")

    def wants(self) -> tuple[str, ...]:
        return ("generator.hidden", "discriminator.hidden")

    def check(self, setting: Setting) -> None:
        if setting.kind == "points" and "instance" in (self.generator, self.discriminator):
            raise ValueError(
                f"norm: instance normalises over pixels, and points ({setting.network}) have none; use layer"
            )
        if setting.conditioned_on is not None and self.discriminator == "instance":
            raise ValueError(
                "norm.discriminator: instance normalises over pixels, and a sentence's code has only one; use layer"
            )
        if self.discriminator not in (None, "none") and setting.maxout:
            raise ValueError("norm.discriminator does not apply to maxout layers; use network.maxout: 0")

    def plan_networks(self, plan: NetworkPlan) -> None:
        if self.generator is not None:
            plan.generator["hidden"].norm = NORMS[self.generator]
        if self.discriminator is not None:
            plan.discriminator["hidden"].norm = NORMS[self.discriminator]
