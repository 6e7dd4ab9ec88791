"""One-sided label smoothing: the discriminator's target for reals is below 1, for fakes it stays 0.

    D* = alpha p_data / (p_data + p_g)

Source: Salimans et al., "Improved Techniques for Training GANs", section 3.4; 0.9 there. Smoothing the fakes' side, too,
as ganhacks #6 has it, would reward the generator for staying where it is. At balance D says alpha / 2.
"""

from dataclasses import replace

from pydantic import Field

from espalier.stages.tricks.parts import Targets, View
from espalier.stages.tricks.trick import Trick


class LabelSmoothing(Trick):
    """Keeps the discriminator from ever greater logits on reals."""

    name = "label_smoothing"
    shorthand = "real"
    real: float = Field(default=0.9, gt=0, lt=1, description="alpha, the target for reals")

    def targets(self, targets: Targets, view: View) -> Targets:
        return replace(targets, real=self.real)
