"""What a loss is: one number for each player from the logits of reals and fakes."""

from typing import ClassVar

from torch import Tensor

from espalier.stages.tricks.parts import Targets
from espalier.stages.tricks.trick import Trick


class Loss(Trick):
    """The game's value for each player. Logits have shape (B,), results are scalars to minimise.

    `uses_targets`: whether labels mean anything in it. `generator_needs_real`: whether the generator's loss
    looks at the logits of reals.
    """

    uses_targets: ClassVar[bool] = False
    generator_needs_real: ClassVar[bool] = False

    def discriminator(self, real: Tensor, fake: Tensor, targets: Targets) -> Tensor:
        """The discriminator's loss."""
        raise NotImplementedError

    def on_fakes(self, fake: Tensor, targets: Targets) -> Tensor:
        """The part of the discriminator's loss that is of fakes, for others that it should refuse; not of relativistic forms."""
        raise NotImplementedError

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """The generator's loss; `real` is None unless `generator_needs_real`."""
        raise NotImplementedError

    def margin(self, lead: Tensor) -> Tensor:
        """What is lost, each, when a lead (B,) that should be large is what it is; for relativistic forms."""
        raise NotImplementedError
