"""Zero-centred gradient penalty on lines between reals and fakes.

    weight * E[ ||grad C(x)||^2 ],   x = real + eps (fake - real),  eps ~ U(0, 1) per sample

Source: Thanh-Tung et al., "Improving Generalization and Stability of Generative Adversarial Networks", equation 8 (weight 10 in
GAN_stability's `wgangp0`). `r1` and `r2` are its two endpoints.
"""

import torch
from pydantic import Field
from torch import Tensor

from espalier.stages.tricks.step import Step, gradient
from espalier.stages.tricks.trick import Term


class ZeroCenteredPenalty(Term):
    """Makes the discriminator flat between reals and fakes."""

    name = "zero_centered_penalty"
    weight: float = Field(default=10.0, ge=0)

    def discriminator_term(self, step: Step) -> Tensor:
        real, fake = step.real.detach(), step.fake.detach()
        eps = step.context.uniform((len(real), *[1] * (real.ndim - 1)), self.name)
        x = torch.lerp(real, fake, eps).requires_grad_()
        return gradient(step.discriminator(x), x).square().flatten(1).sum(1).mean()
