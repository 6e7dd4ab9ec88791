"""Two tricks of the saddle's own, as a user would write them: noise on gradients, and where the players stand."""

import torch
from torch import Tensor

from espalier.stages.tricks.parts import Player
from espalier.stages.tricks.step import Step
from espalier.stages.tricks.trick import Term


class GradientNoise(Term):
    """Adds n ~ N(0, 1) to the gradient of every weight, as the gradient of n . theta."""

    name = "gradient_noise"

    def _noise(self, step: Step, player: Player) -> Tensor:
        weights = torch.stack([p.flatten() for p in step.networks.of(player).parameters()]).flatten()
        noise = step.context.normal(tuple(weights.shape), self.name, player)
        product: Tensor = (weights * noise).sum()
        return product

    def discriminator_term(self, step: Step) -> Tensor:
        return self._noise(step, "discriminator")

    def generator_term(self, step: Step) -> Tensor:
        return self._noise(step, "generator")


class Distance(Term):
    """The distance of all weights from 0, for history.csv; a constant in the loss, without a gradient."""

    name = "distance"

    def discriminator_term(self, step: Step) -> Tensor:
        networks = (step.networks.generator, step.networks.discriminator)
        distance: Tensor = torch.stack([p.detach() for network in networks for p in network.parameters()]).norm()
        return distance
