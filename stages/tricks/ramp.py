"""Learning rate schedule for both players: warm-up at the start, decay at the end.

    rise over the first `up_kimg`:                     exp( -5 (1 - t)^2 ),  t = kimg / up_kimg
    fall from `down_from_kimg` to `down_to_kimg`:      linearly to 0

Sources: the released Theano ProGAN for the rise (40 kimg); for the fall WGAN-GP's and SNGAN's CIFAR-10 networks (from the start).
"""

from __future__ import annotations

import math

from pydantic import Field, model_validator

from espalier.stages.tricks.context import StepContext
from espalier.stages.tricks.parts import Player
from espalier.stages.tricks.trick import Trick


class Ramp(Trick):
    """A factor on every learning rate; kimg, as everywhere, counts reals shown to the discriminator."""

    name = "ramp"
    up_kimg: float = Field(default=0.0, ge=0, description="thousands of images until the full rate; 0: no warm-up")
    down_from_kimg: float = Field(default=0.0, ge=0, description="start of the decay")
    down_to_kimg: float | None = Field(default=None, gt=0, description="where the rate reaches 0; default: no decay")

    @model_validator(mode="after")
    def _falls_forward(self) -> Ramp:
        if self.down_to_kimg is not None and self.down_to_kimg <= self.down_from_kimg:
            raise ValueError(
                f"down_to_kimg {self.down_to_kimg:g} must be beyond down_from_kimg {self.down_from_kimg:g}"
            )
        return self

    def learning_rate(self, player: Player, context: StepContext) -> float:
        kimg, factor = context.images / 1000, 1.0
        if kimg < self.up_kimg:
            factor = math.exp(-5 * (1 - kimg / self.up_kimg) ** 2)
        if self.down_to_kimg is not None:
            left = (self.down_to_kimg - kimg) / (self.down_to_kimg - self.down_from_kimg)
            factor *= min(max(left, 0.0), 1.0)
        return factor
