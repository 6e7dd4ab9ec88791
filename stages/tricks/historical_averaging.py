"""Historical averaging: a player's weights are pulled towards their own mean over time.

    weight || theta - (1/t) sum over i <= t of theta_i ||^2

The mean is updated online, mean <- mean + (theta - mean) / t, and detached. Source: Salimans et al., "Improved Techniques for
Training GANs", section 3.3, inspired by fictitious play. No released code contains it, and the paper gives no weight.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from pydantic import Field, PrivateAttr
from torch import Tensor

from espalier.stages.tricks.context import StepContext
from espalier.stages.tricks.parts import Networks, Player
from espalier.stages.tricks.step import Step
from espalier.stages.tricks.trick import Term


class HistoricalAveraging(Term):
    """Damps orbits around an equilibrium."""

    name = "historical_averaging"
    weight: float = Field(default=1.0, ge=0)
    on: Literal["both", "generator", "discriminator"] = Field(default="both", description="players it applies to")
    _means: dict[str, list[Tensor]] = PrivateAttr(default_factory=dict)
    _counts: dict[str, int] = PrivateAttr(default_factory=dict)

    def _apart(self, player: Player, step: Step) -> Tensor:
        parameters = list(step.networks.of(player).parameters())
        if player not in self._means or self.on not in ("both", player):
            return parameters[0].new_zeros(())
        means = [mean.to(p.device) for mean, p in zip(self._means[player], parameters, strict=True)]
        return torch.stack([(p - mean).square().sum() for p, mean in zip(parameters, means, strict=True)]).sum()

    def discriminator_term(self, step: Step) -> Tensor:
        return self._apart("discriminator", step)

    def generator_term(self, step: Step) -> Tensor:
        return self._apart("generator", step)

    @torch.no_grad()
    def _remember(self, player: Player, networks: Networks) -> None:
        parameters = list(networks.of(player).parameters())
        count = self._counts[player] = self._counts.get(player, 0) + 1
        before = self._means.get(player, [torch.zeros_like(p) for p in parameters])
        means = self._means[player] = [mean.to(p.device) for mean, p in zip(before, parameters, strict=True)]
        torch._foreach_lerp_(means, [p.detach() for p in parameters], 1 / count)

    def after_discriminator_step(self, networks: Networks, context: StepContext) -> None:
        self._remember("discriminator", networks)

    def after_generator_step(self, networks: Networks, context: StepContext) -> None:
        self._remember("generator", networks)

    def state_dict(self) -> dict[str, Any]:
        return {"means": self._means, "counts": self._counts}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._means, self._counts = dict(state["means"]), dict(state["counts"])
