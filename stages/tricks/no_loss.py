"""`loss: none`: a stage without a game. No discriminator is built, and the generator has only its added terms."""

from torch import Tensor, nn

from espalier.data.errors import InputError
from espalier.stages.tricks.loss import Loss
from espalier.stages.tricks.parts import Targets


class NoLoss(Loss):
    """Both players' objectives are 0. No options."""

    name = "none"

    def discriminator(self, real: Tensor, fake: Tensor, targets: Targets) -> Tensor:
        return real.new_zeros(())

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return fake.new_zeros(())


class NoDiscriminator(nn.Module):
    """Takes the place of the discriminator: it has no weights, and whoever asks it is told why it cannot answer."""

    def forward(self, *inputs: object) -> Tensor:
        raise InputError(
            "a trick asks the discriminator, but tricks.loss is none, so there is none; remove that trick, or choose a loss"
        )
