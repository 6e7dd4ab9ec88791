"""Weight clipping: after each critic step, every parameter of the critic is clipped to a small box.

    w <- clip(w, -c, c)

Source: Arjovsky et al., "Wasserstein GAN", algorithm 1: c 0.01, with RMSProp, learning rate 5e-5 and n_critic 5. Biases and norms
are clipped, too, as in the released code. That code clips before each step, so its generator sees weights one step outside
the box. `gradient_penalty` and `spectral_norm` have superseded it.
"""

import torch
from pydantic import Field

from espalier.stages.tricks.context import StepContext
from espalier.stages.tricks.parts import Networks
from espalier.stages.tricks.trick import Trick


class WeightClipping(Trick):
    """Written `weight_clipping: 0.01`."""

    name = "weight_clipping"
    shorthand = "c"
    c: float = Field(default=0.01, gt=0, description="half the side of the box")

    @torch.no_grad()
    def after_discriminator_step(self, networks: Networks, context: StepContext) -> None:
        for parameter in networks.discriminator.parameters():
            parameter.clamp_(-self.c, self.c)
