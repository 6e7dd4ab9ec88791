"""One-sided label smoothing: the discriminator's target is below 1 for reals and stays 0 for fakes.

    D* = alpha p_data / (p_data + p_g)

Source: Salimans et al., "Improved Techniques for Training GANs", section 3.4; 0.9 there. Smoothing the target of fakes, too,
as in ganhacks #6, would reward the generator for not changing. At equilibrium D is alpha / 2.
"""

from dataclasses import replace

from pydantic import Field

from espalier.stages.tricks.parts import Targets, View
from espalier.stages.tricks.trick import Trick


class LabelSmoothing(Trick):
    """Keeps the discriminator's logits on reals from growing without bound."""

    name = "label_smoothing"
    shorthand = "real"
    real: float = Field(default=0.9, gt=0, lt=1, description="alpha, the target for reals")

    def targets(self, targets: Targets, view: View) -> Targets:
        return replace(targets, real=self.real)
