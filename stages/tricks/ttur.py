"""Two time-scale update rule: a learning rate of its own for each player, one step each an iteration.

Source: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium". There is
no ratio that always works: the paper's WGAN-GP pair is 1e-4 and 3e-4, its best DCGAN pairs have the discriminator
slower. So both rates must be given.
"""

from pydantic import Field

from espalier.stages.tricks.parts import OptimizerPlan
from espalier.stages.tricks.trick import Trick


class Ttur(Trick):
    """Replaces the common learning rate."""

    name = "ttur"
    generator: float = Field(gt=0, description="learning rate of the generator")
    discriminator: float = Field(gt=0, description="learning rate of the discriminator")

    def plan_optimizers(self, plan: OptimizerPlan) -> None:
        plan.options["generator"]["lr"] = self.generator
        plan.options["discriminator"]["lr"] = self.discriminator
