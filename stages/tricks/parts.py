"""What tricks read and change: plans of networks and optimisers, the discriminator's input, and the stage's setting."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from espalier.stages.tricks.context import StepContext

Player = Literal["generator", "discriminator"]
Discriminator = Callable[..., Tensor]
"""Images (B, channels, R, R), optionally a list that collects features -> logits (B,)."""


@dataclass(frozen=True)
class Setting:
    """What a trick may know about its stage.

    `logits`: number of discriminator logits for one process's share of a batch; `samples_per_logit`: number of samples
    judged jointly. `grows`: whether the stage inherits the weights of a parent of half its resolution. `network`: its
    name; `places`: what tricks may change in it, such as "discriminator.statistics"; `kind`: "images", "points" or "maps";
    `conditioned_on`: what the network itself is conditioned on besides classes, if anything; `features`: number of
    intermediate features the discriminator returns; `norms`: normalisation of hidden layers, by player; `betas`: Adam's;
    `own_conditioning`: whether the condition is a user's own; `held_out`: number of reals held out from training;
    `micro_batches`: passes that one process's share of a batch takes.
    """

    batch_size: int
    processes: int
    logits: int
    samples_per_logit: int
    resolution: int | None
    kimg: float
    grows: bool
    network: str
    places: frozenset[str]
    kind: str
    conditioned_on: str | None
    features: int
    norms: dict[str, str]
    equalized: bool
    maxout: bool
    betas: tuple[float, float]
    own_conditioning: bool = False
    held_out: int = 0
    micro_batches: int = 1


@dataclass
class NetworkPlan:
    """Keyword arguments the networks will be built with; a trick may add to or change them.

    `grows`: whether the stage starts from a parent of half its resolution. `classes`: number of classes in the data.
    `prior`: distribution of the latents.
    """

    grows: bool
    classes: int
    generator: dict[str, Any]
    discriminator: dict[str, Any]
    prior: str = "normal"


@dataclass
class Networks:
    """Both players and the generator to publish: `ema` is the generator itself unless a trick averages its weights."""

    generator: nn.Module
    discriminator: nn.Module
    ema: nn.Module

    def modules(self) -> dict[str, nn.Module]:
        """The distinct networks by name."""
        named = {"generator": self.generator, "discriminator": self.discriminator}
        return named if self.ema is self.generator else {**named, "ema": self.ema}

    @property
    def alpha(self) -> float:
        """Fade-in weight of the newest block."""
        return float(getattr(self.generator, "alpha", 1.0))

    def not_finite(self) -> str | None:
        """The name of a weight that is not finite, if there is one."""
        weights = ((f"{name}.{k}", v) for name, m in self.modules().items() for k, v in m.state_dict().items())
        return next((name for name, weight in weights if not torch.isfinite(weight).all()), None)

    def of(self, player: Player) -> nn.Module:
        """The network that a player trains."""
        return self.generator if player == "generator" else self.discriminator


@dataclass
class OptimizerPlan:
    """Class and arguments of each player's optimiser."""

    kind: dict[Player, type[torch.optim.Optimizer]]
    options: dict[Player, dict[str, Any]]


@dataclass(frozen=True)
class Targets:
    """The discriminator's targets for reals and fakes, for losses that use targets."""

    real: Tensor | float = 1.0
    fake: Tensor | float = 0.0


@dataclass(frozen=True)
class View:
    """Context of the discriminator's input: whose step it is, and whether the samples are real; `logits`: number of logits they
    give, if known."""

    player: Player
    real: bool
    context: StepContext
    logits: int = 0


@dataclass(frozen=True)
class Needs:
    """What must be prepared before the discriminator sees a batch."""

    real_gradient: bool = False
    fake_gradient: bool = False
