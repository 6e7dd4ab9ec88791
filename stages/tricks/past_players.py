"""Past players: each player occasionally plays against an earlier snapshot of the other.

Every `every` iterations both networks are saved, at most `keep` of each, dropping the oldest; in a `share` of the
iterations the discriminator sees fakes of a saved generator, and the generator plays against a saved discriminator,
drawn at random. Source: ganhacks #8 ("keep checkpoints from the past of G and D and occasionaly swap them out for a few
iterations"). `ema` is the modern alternative.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import torch
from pydantic import Field, PrivateAttr
from torch import Tensor, nn

from espalier.stages.tricks.context import StepContext
from espalier.stages.tricks.parts import Networks, Player
from espalier.stages.tricks.trick import Trick


def _one(draw: Callable[..., Tensor], context: StepContext, *purpose: object) -> float:
    """One draw for all processes."""
    return float(draw((1,), generator=context.random(*purpose), device=context.device))


class PastPlayers(Trick):
    """The saved networks are part of the checkpoint."""

    name = "past_players"
    every: int = Field(default=1000, ge=1, description="iterations between snapshots")
    keep: int = Field(default=3, ge=1, description="maximum number of snapshots per player")
    scheduled = ("share",)
    share: float = Field(default=0.1, gt=0, lt=1, description="share of iterations played against a snapshot")
    _kept: list[dict[str, Any]] = PrivateAttr(default_factory=list)
    _shells: dict[str, nn.Module] = PrivateAttr(default_factory=dict)

    def opponent(self, opponent: nn.Module, player: Player, context: StepContext) -> nn.Module:
        if not self._kept or _one(torch.rand, context, self.name) >= self.share:
            return opponent
        chosen = self._kept[int(_one(partial(torch.randint, len(self._kept)), context, self.name, "which"))]
        other = "generator" if player == "discriminator" else "discriminator"
        if other not in self._shells:
            self._shells[other] = deepcopy(opponent).requires_grad_(False)
        shell = self._shells[other]
        shell.load_state_dict(chosen[other])
        if hasattr(opponent, "alpha"):
            shell.alpha = opponent.alpha
        return shell

    def after_generator_step(self, networks: Networks, context: StepContext) -> None:
        if (context.step + 1) % self.every == 0:
            now = {"generator": networks.generator, "discriminator": networks.discriminator}
            self._kept.append({name: deepcopy(network.state_dict()) for name, network in now.items()})
            del self._kept[: -self.keep]

    def state_dict(self) -> dict[str, Any]:
        return {"kept": self._kept}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._kept = list(state["kept"])
