"""Least squares: the discriminator regresses to labels, so that fakes far beyond the boundary are pulled back, too.

    discriminator: 1/2 E[(C(real) - b)^2] + 1/2 E[(C(fake) - a)^2]
    generator:     1/2 E[(C(fake) - c)^2]

Source: Mao et al., "Least Squares Generative Adversarial Networks", equation 2; its two codings are (a, b, c) =
(0, 1, 1), and (-1, 1, 0), which minimises the Pearson chi-square divergence (equations 8 and 9; both are in the official
repository). Means over the batch; the official code's half sums are B times as large, which only matters for SGD.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from espalier.stages.tricks.loss import Loss
from espalier.stages.tricks.parts import Targets

CODINGS = {"zero_one": (0.0, 1.0, 1.0), "pearson": (-1.0, 1.0, 0.0)}


class Lsgan(Loss):
    """Label tricks shift b and a: a target t in [0, 1] means a + t (b - a)."""

    name = "lsgan"
    uses_targets = True
    coding: Literal["zero_one", "pearson"] = Field(default="zero_one", description="labels (0, 1, 1) or (-1, 1, 0)")

    def discriminator(self, real: Tensor, fake: Tensor, targets: Targets) -> Tensor:
        return (real - self._label(targets.real)).square().mean() / 2 + self.on_fakes(fake, targets)

    def on_fakes(self, fake: Tensor, targets: Targets) -> Tensor:
        return (fake - self._label(targets.fake)).square().mean() / 2

    def _label(self, target: Tensor | float) -> Tensor | float:
        a, b, _ = CODINGS[self.coding]
        return a + target * (b - a)

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return (fake - CODINGS[self.coding][2]).square().mean() / 2

    def margin(self, lead: Tensor) -> Tensor:
        return torch.square(lead - 1)
