"""Gaussian noise after each of the generator's hidden layers, in training.

    x + sigma n,   n ~ N(0, I)

Source: ganhacks #13, after Zhao et al., "Energy-based Generative Adversarial Network". StyleGAN learns a scale per channel.
"""

from pydantic import Field

from espalier.stages.tricks.parts import NetworkPlan
from espalier.stages.tricks.trick import Trick


class LayerNoise(Trick):
    """Written `layer_noise: 0.1`."""

    name = "layer_noise"
    shorthand = "sigma"
    sigma: float = Field(default=0.1, gt=0, description="standard deviation of the noise")

    def wants(self) -> tuple[str, ...]:
        return ("generator.hidden",)

    def plan_networks(self, plan: NetworkPlan) -> None:
        plan.generator["hidden"].noise = self.sigma
