"""Relativistic losses: judge how much more real a real sample looks than a fake, instead of how real each looks.

With m(x) the chosen loss of a lead x that should be large (softplus(-x), (x - 1)^2 or relu(1 - x)):

    paired    D: E[m(C(real) - C(fake))]                                      G: E[m(C(fake) - C(real))]
    average   D: 1/2 (E[m(C(real) - E C(fake))] + E[m(E C(real) - C(fake))])  G: the same with real and fake swapped

Source: Jolicoeur-Martineau, "The relativistic discriminator: a key element missing from standard GAN", sections 4.1
and 4.2, with the halves of the released code. Paired on logistic losses is RSGAN; average gives RaSGAN, RaLSGAN and
RaHinge. The generator's loss uses reals, drawn anew for its step; the means are not detached.
"""

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from espalier.models import processes
from espalier.stages.tricks.loss import Loss
from espalier.stages.tricks.parts import Targets
from espalier.stages.tricks.trick import Trick


class RelativisticLoss(Loss):
    """A loss built from the margin of the chosen loss."""

    name = "relativistic"
    generator_needs_real = True
    chosen: Loss
    form: Literal["paired", "average"]

    def _lead(self, winner: Tensor, loser: Tensor) -> Tensor:
        """The loss of a player that pushes the logits of `winner` above those of `loser`."""
        margin = self.chosen.margin
        if self.form == "paired":
            return margin(winner - loser).mean()
        of_winner, of_loser = processes.mean(winner.mean()), processes.mean(loser.mean())
        return (margin(winner - of_loser).mean() + margin(of_winner - loser).mean()) / 2

    def discriminator(self, real: Tensor, fake: Tensor, targets: Targets) -> Tensor:
        return self._lead(real, fake)

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        if real is None:
            raise ValueError("a relativistic generator loss needs the logits of reals")
        return self._lead(fake, real)


class Relativistic(Trick):
    """Written `relativistic: paired` or `relativistic: average`, next to the loss that it transforms."""

    name = "relativistic"
    shorthand: ClassVar[str | None] = "form"
    form: Literal["paired", "average"] = Field(description="compare each real with one fake, or with their average")

    def whole_batch(self) -> str | None:
        return "it compares with the mean of the whole batch" if self.form == "average" else None

    def wrap_loss(self, loss: Loss) -> Loss:
        return RelativisticLoss(chosen=loss, form=self.form)
