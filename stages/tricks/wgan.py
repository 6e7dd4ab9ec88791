"""Wasserstein loss.

    critic:     E[C(fake)] - E[C(real)]
    generator: -E[C(fake)]

Source: Arjovsky et al., "Wasserstein GAN", equation 2 (with the sign of a loss to minimise). Another trick, such as a
gradient penalty, must keep the critic near 1-Lipschitz. No options.
"""

from torch import Tensor

from espalier.stages.tricks.loss import Loss
from espalier.stages.tricks.parts import Targets


class Wgan(Loss):
    """Minus the critic's loss estimates the Wasserstein distance, up to the critic's Lipschitz constant."""

    name = "wgan"

    def discriminator(self, real: Tensor, fake: Tensor, targets: Targets) -> Tensor:
        return self.on_fakes(fake, targets) - real.mean()

    def on_fakes(self, fake: Tensor, targets: Targets) -> Tensor:
        return fake.mean()

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return -fake.mean()
