"""The original, saturating loss, on logits C, with softplus(t) = log(1 + e^t).

    discriminator: E[softplus(-C(real))] + E[softplus(C(fake))]
    generator:    -E[softplus(C(fake))]                          (= E[log(1 - D(fake))])

Source: Goodfellow et al., "Generative Adversarial Networks", equation 1. The generator's gradient vanishes when the
discriminator is confident; `nonsaturating` is the same paper's remedy. No options.
"""

import torch.nn.functional as F
from torch import Tensor

from espalier.stages.tricks.nonsaturating import NonSaturating


class Minimax(NonSaturating):
    """The discriminator's loss is that of `nonsaturating`; the generator's is minus its part on fakes."""

    name = "minimax"

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return -F.softplus(fake).mean()
