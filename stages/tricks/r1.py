"""R1: zero-centred gradient penalty on reals.

    gamma / 2 * E[ ||grad C(real)||^2 ]

on the logit, norm over all dimensions of a sample. Source: Mescheder et al., "Which Training Methods for GANs do
actually Converge?", equation 9; gamma 10 as there and in StyleGAN2. `weight` is gamma (GAN_stability's released
trainer omits the 1/2, so its 10 is 20 here). Reuses the step's forward pass of the reals.
"""

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from espalier.stages.tricks.parts import Needs
from espalier.stages.tricks.step import Step
from espalier.stages.tricks.trick import Term


class R1(Term):
    """Makes the discriminator flat at the data, so that training converges locally."""

    name = "r1"
    weight: float = Field(default=10.0, ge=0, description="gamma")
    needs: ClassVar[Needs] = Needs(real_gradient=True)

    def discriminator_term(self, step: Step) -> Tensor:
        return step.real_gradient.square().flatten(1).sum(1).mean() / 2
