"""DRAGAN: keeps the discriminator's slope near 1 around the data, where sharp gradients precede mode collapse.

    weight * E[ (||grad C(x + delta)||_2 - 1)^2 ]

    noise: gaussian   delta ~ N(0, c I)                                         (the paper)
    noise: minibatch  delta = alpha * 0.5 std(batch) U(0, 1), alpha ~ U(0, 1) per sample, std one number per batch
                                                                                (the released notebook)

Source: Kodali et al., "On Convergence and Stability of GANs", algorithm 1 (weight 10, c about 10 for data in 0..255: for
our [-1, 1] c is 10 / 127.5^2), and the authors' DRAGAN.ipynb. Applied to the logit.
"""

import math
from typing import Literal

from pydantic import Field
from torch import Tensor

from espalier.models import processes
from espalier.stages.tricks.step import Step, slope
from espalier.stages.tricks.trick import Term


class Dragan(Term):
    """The paper and its code use different noise; both are available."""

    name = "dragan"
    weight: float = Field(default=10.0, ge=0)
    noise: Literal["gaussian", "minibatch"] = Field(default="minibatch", description="the paper's noise, or the code's")
    c: float = Field(default=10 / 127.5**2, gt=0, description="variance of the gaussian noise, data in [-1, 1]")

    def whole_batch(self) -> str | None:
        return "its noise is scaled by the deviation of the whole batch" if self.noise == "minibatch" else None

    def discriminator_term(self, step: Step) -> Tensor:
        real = step.real.detach()
        x = (real + self._delta(step, real)).requires_grad_()
        return (slope(step.discriminator(x), x) - 1).square().mean()

    def _delta(self, step: Step, real: Tensor) -> Tensor:
        shape = tuple(real.shape)
        if self.noise == "gaussian":
            return step.context.normal(shape, self.name) * math.sqrt(self.c)
        alpha = step.context.uniform((len(real), *[1] * (real.ndim - 1)), self.name, "alpha")
        return alpha * 0.5 * processes.everyone(real).std(correction=0) * step.context.uniform(shape, self.name)
