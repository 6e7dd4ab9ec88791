"""Several discriminator steps for each generator step.

WGAN needs its critic near the optimum: 5 steps, and 100 for each of the first 25 generator steps and for every 500th.
Sources: Arjovsky et al., "Wasserstein GAN", algorithm 1 (n_critic 5); the warm start is in the released main.py only.
Each discriminator step draws new reals and fakes, and kimg counts all of them.
"""

from pydantic import Field

from espalier.stages.tricks.context import StepContext
from espalier.stages.tricks.trick import Trick


class NCritic(Trick):
    """Written `n_critic: 5`, or with a warm start: `n_critic: {steps: 5, warm_steps: 100}`."""

    name = "n_critic"
    shorthand = "steps"
    steps: int = Field(ge=1, description="discriminator steps before each generator step")
    warm_steps: int | None = Field(
        default=None, ge=1, description="discriminator steps in warm iterations; released: 100"
    )
    warm_first: int = Field(default=25, ge=0, description="number of warm iterations at the start")
    warm_every: int = Field(default=500, ge=1, description="then one warm iteration every this many")

    def acts(self) -> bool:
        return self.steps > 1 or self.warm_steps is not None

    def discriminator_steps(self, steps: int, context: StepContext) -> int:
        warm = context.step < self.warm_first or context.step % self.warm_every == 0
        return self.warm_steps if self.warm_steps is not None and warm else self.steps
