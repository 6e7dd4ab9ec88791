"""Non-saturating logistic loss, on logits C, with softplus(t) = log(1 + e^t).

    discriminator: E[softplus(-C(real))] + E[softplus(C(fake))]
    generator:     E[softplus(-C(fake))]

Source: Goodfellow et al., "Generative Adversarial Networks", section 3. Written as binary cross-entropy with
targets (1 for reals, 0 for fakes), so that label tricks can change them. No options.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from espalier.stages.tricks.loss import Loss
from espalier.stages.tricks.parts import Targets


def cross_entropy(logits: Tensor, target: Tensor | float) -> Tensor:
    """Mean binary cross-entropy of logits (B,) with a target in [0, 1], one for all or one per sample."""
    return F.binary_cross_entropy_with_logits(
        logits, torch.as_tensor(target, device=logits.device).expand_as(logits).to(logits)
    )


class NonSaturating(Loss):
    """At equilibrium the discriminator's loss is 2 log 2 = 1.386. The generator's gradient does not vanish."""

    name = "nonsaturating"
    uses_targets = True

    def discriminator(self, real: Tensor, fake: Tensor, targets: Targets) -> Tensor:
        return cross_entropy(real, targets.real) + self.on_fakes(fake, targets)

    def on_fakes(self, fake: Tensor, targets: Targets) -> Tensor:
        return cross_entropy(fake, targets.fake)

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return F.softplus(-fake).mean()

    def margin(self, lead: Tensor) -> Tensor:
        return F.softplus(-lead)
