"""Gradient penalty of WGAN-GP, with ProGAN's target gamma.

    weight / gamma^2 * E[ (||grad C(x)||_2 - gamma)^2 ],   x = real + eps (fake - real),  eps ~ U(0, 1) per sample

The norm is over all dimensions of a sample. Sources: Gulrajani et al., "Improved Training of Wasserstein GANs",
equation 3 (weight 10, gamma 1); Karras et al., "Progressive Growing of GANs", appendix A.1 (gamma 750 on
CIFAR-10).
"""

import torch
from pydantic import Field
from torch import Tensor

from espalier.stages.tricks.step import Step, slope
from espalier.stages.tricks.trick import Term


class GradientPenalty(Term):
    """Keeps the critic's slope near `target` between reals and fakes."""

    name = "gradient_penalty"
    weight: float = Field(default=10.0, ge=0)
    target: float = Field(default=1.0, gt=0, description="gamma, the target slope")
    one_sided: bool = Field(default=False, description="penalise larger slopes only: max(||grad|| - gamma, 0)^2")

    def discriminator_term(self, step: Step) -> Tensor:
        real, fake = step.real.detach(), step.fake.detach()
        eps = step.context.uniform((len(real), *[1] * (real.ndim - 1)), self.name)
        x = torch.lerp(real, fake, eps).requires_grad_()
        apart = slope(step.discriminator(x), x) - self.target
        return (apart.relu() if self.one_sided else apart).square().mean() / self.target**2
