"""Base class of losses: one scalar per player from the logits of reals and fakes."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from espalier.stages.tricks.parts import Targets
from espalier.stages.tricks.trick import Trick


class Loss(Trick, ABC):
    """Each player's objective. Logits have shape (B,), results are scalars to minimise.

    `uses_targets`: whether the loss uses labels. `generator_needs_real`: whether the generator's loss
    depends on the logits of reals.
    """

    uses_targets: ClassVar[bool] = False
    generator_needs_real: ClassVar[bool] = False

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor, targets: Targets) -> Tensor:
        """The discriminator's loss."""

    def on_fakes(self, fake: Tensor, targets: Targets) -> Tensor:
        """The part of the discriminator's loss on fakes, also for other inputs to reject; not for relativistic forms."""
        raise NotImplementedError

    @abstractmethod
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """The generator's loss; `real` is None unless `generator_needs_real`."""

    def margin(self, lead: Tensor) -> Tensor:
        """Loss per sample of a lead (B,) that should be large; for relativistic forms."""
        raise NotImplementedError
