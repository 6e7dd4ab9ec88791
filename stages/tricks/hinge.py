"""Hinge loss: the discriminator is not rewarded beyond a margin of 1 on either side.

    discriminator: E[relu(1 - C(real))] + E[relu(1 + C(fake))]
    generator:    -E[C(fake)]                                     (no hinge)

Source: Lim and Ye, "Geometric GAN"; Miyato et al., "Spectral Normalization for Generative Adversarial Networks",
equations 16 and 17. Usually with spectral norm. No options.
"""

import torch.nn.functional as F
from torch import Tensor

from espalier.stages.tricks.loss import Loss
from espalier.stages.tricks.parts import Targets


class Hinge(Loss):
    """The discriminator's loss starts at 2; its gradient is zero for logits beyond the margin."""

    name = "hinge"

    def discriminator(self, real: Tensor, fake: Tensor, targets: Targets) -> Tensor:
        return F.relu(1 - real).mean() + self.on_fakes(fake, targets)

    def on_fakes(self, fake: Tensor, targets: Targets) -> Tensor:
        return F.relu(1 + fake).mean()

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return -fake.mean()

    def margin(self, lead: Tensor) -> Tensor:
        return F.relu(1 - lead)
