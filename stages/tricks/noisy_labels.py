"""Noisy labels: targets are drawn from a range for each sample, and occasionally flipped.

    target(real) ~ U(0.7, 1.2),  target(fake) ~ U(0, 0.3),  the two swapped with probability `flip`

in the discriminator's step. Source: ganhacks #6, which gives exactly these numbers. Disputed: targets above 1 are not
probabilities, and raising the target of fakes rewards the generator for not changing; `label_smoothing` does neither.
"""

from typing import Annotated

import torch
from pydantic import Field, field_validator

from espalier.stages.tricks.parts import Targets, View
from espalier.stages.tricks.trick import Trick

Range = tuple[Annotated[float, Field(ge=0, le=1.2)], Annotated[float, Field(ge=0, le=1.2)]]


class NoisyLabels(Trick):
    """Written `noisy_labels: {}` for the original hack."""

    name = "noisy_labels"
    real: Range = Field(default=(0.7, 1.2), description="range of the targets of reals")
    fake: Range = Field(default=(0.0, 0.3), description="range of the targets of fakes")
    flip: float = Field(default=0.0, ge=0, lt=0.5, description="probability that a sample's label is swapped")

    @field_validator("real", "fake")
    @classmethod
    def _rises(cls, value: Range) -> Range:
        if value[0] > value[1]:
            raise ValueError(f"must be [low, high], not {list(value)}")
        return value

    def targets(self, targets: Targets, view: View) -> Targets:
        def drawn(limits: Range, kind: str) -> torch.Tensor:
            low, high = limits
            return low + (high - low) * view.context.uniform((view.logits,), self.name, kind)

        real, fake = drawn(self.real, "real"), drawn(self.fake, "fake")
        swapped = view.context.uniform((view.logits, 2), self.name, "flip") < self.flip
        return Targets(torch.where(swapped[:, 0], fake, real), torch.where(swapped[:, 1], real, fake))
