"""R2: zero-centred gradient penalty on fakes.

    gamma / 2 * E[ ||grad C(fake)||^2 ]

The twin of `r1`. Source: Mescheder et al., "Which Training Methods for GANs do actually Converge?", equation 10. With
`loss: nonsaturating`, `relativistic: paired` and both penalties at the same gamma, this is the objective of R3GAN (Huang
et al., "The GAN is dead; long live the GAN!", section 2): sums over pixels, means over the batch, gamma / 2 each.
"""

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from espalier.stages.tricks.parts import Needs
from espalier.stages.tricks.step import Step
from espalier.stages.tricks.trick import Term


class R2(Term):
    """Makes the discriminator flat at generated samples."""

    name = "r2"
    weight: float = Field(default=10.0, ge=0, description="gamma")
    needs: ClassVar[Needs] = Needs(fake_gradient=True)

    def discriminator_term(self, step: Step) -> Tensor:
        return step.fake_gradient.square().flatten(1).sum(1).mean() / 2
