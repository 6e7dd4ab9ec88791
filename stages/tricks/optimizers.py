"""Choose a player's optimiser instead of Adam.

    sgd       w <- w - lr v,  v <- momentum v + g
    rmsprop   w <- w - lr g / (sqrt(s) + 1e-8),  s <- alpha s + (1 - alpha) g^2
    adam      Kingma and Ba, "Adam: A Method for Stochastic Optimization"

Sources: Arjovsky et al., "Wasserstein GAN", section 4.2, where clipping needs RMSProp (5e-5); GAN_stability's trainer
uses it with 1e-4 for both; ganhacks #9 uses SGD for the discriminator and Adam for the generator, which is rarely
done today.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from pydantic import Field

from espalier.stages.contracts.options import Options
from espalier.stages.tricks.parts import OptimizerPlan, Player
from espalier.stages.tricks.trick import Trick

Beta = Annotated[float, Field(ge=0, lt=1)]
CLASSES: dict[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
}


class Choice(Options):
    """One player's optimiser; the learning rate defaults to the stage's."""

    name: Literal["adam", "sgd", "rmsprop"]
    learning_rate: float | None = Field(default=None, gt=0, description="default: the stage's")
    betas: tuple[Beta, Beta] | None = Field(default=None, description="adam only; default: the stage's")
    momentum: float = Field(default=0.0, ge=0, lt=1, description="sgd and rmsprop only")
    alpha: float = Field(default=0.99, ge=0, lt=1, description="rmsprop only")

    def arguments(self, stage: dict[str, Any]) -> dict[str, Any]:
        """Keyword arguments of the torch class, given those of the stage's Adam."""
        given = {"lr": self.learning_rate or stage["lr"]}
        if self.name == "adam":
            return {**stage, **given, **({"betas": self.betas} if self.betas else {})}
        return {**given, "momentum": self.momentum, **({"alpha": self.alpha} if self.name == "rmsprop" else {})}


class Optimizers(Trick):
    """Written `optimizers: {discriminator: {name: sgd, learning_rate: 0.01}}`; an omitted player uses Adam."""

    name = "optimizers"
    generator: Choice | None = None
    discriminator: Choice | None = None

    def plan_optimizers(self, plan: OptimizerPlan) -> None:
        choices: dict[Player, Choice | None] = {"generator": self.generator, "discriminator": self.discriminator}
        for player, choice in choices.items():
            if choice is not None:
                plan.kind[player] = CLASSES[choice.name]
                plan.options[player] = choice.arguments(plan.options[player])
