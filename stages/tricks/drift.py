"""ProGAN's drift term.

    weight * E[ C(real)^2 ]

keeps the critic's output, free up to a constant under the Wasserstein loss, from wandering. Source: Karras et
al., "Progressive Growing of GANs", appendix A.1; weight 0.001, reals only.
"""

from pydantic import Field
from torch import Tensor

from espalier.stages.tricks.step import Step
from espalier.stages.tricks.trick import Term


class Drift(Term):
    """Pulls the logits of reals gently to zero."""

    name = "drift"
    weight: float = Field(default=0.001, ge=0)

    def discriminator_term(self, step: Step) -> Tensor:
        return step.real_logits.square().mean()
