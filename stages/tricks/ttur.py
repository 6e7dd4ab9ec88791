"""Two time-scale update rule: a separate learning rate for each player, one step each per iteration.

Source: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium". No
ratio always works: the paper's WGAN-GP pair is 1e-4 and 3e-4, while in its best DCGAN pairs the discriminator is
slower. So both rates are required.
"""

from pydantic import Field

from espalier.stages.tricks.parts import OptimizerPlan
from espalier.stages.tricks.trick import Trick


class Ttur(Trick):
    """Replaces the stage's learning rate."""

    name = "ttur"
    generator: float = Field(gt=0, description="learning rate of the generator")
    discriminator: float = Field(gt=0, description="learning rate of the discriminator")

    def plan_optimizers(self, plan: OptimizerPlan) -> None:
        plan.options["generator"]["lr"] = self.generator
        plan.options["discriminator"]["lr"] = self.discriminator
