"""What a trick is: its options, and the places of the training loop that it changes.

A trick implements only the places it needs. It never steps an optimiser, never calls `backward` and knows no
other trick; the loop knows no trick by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from espalier.stages.tricks.context import Moment

if TYPE_CHECKING:
    from espalier.stages.config.stage import StageConfig
    from espalier.stages.tricks.loss import Loss
    from espalier.stages.tricks.step import Step

Player = Literal["generator", "discriminator"]
Judge = Callable[..., Tensor]
"""A discriminator: pictures (B, channels, R, R), and perhaps a list for its features -> logits (B,)."""


@dataclass
class NetworkPlan:
    """Keyword arguments the networks will be built with; a trick may add to or change them.

    `grows`: whether the stage starts from a parent of half its resolution. `classes`: how many the data have.
    """

    grows: bool
    classes: int
    generator: dict[str, Any]
    discriminator: dict[str, Any]


@dataclass
class Networks:
    """The players, and the generator that is kept: `ema` is the generator itself unless a trick averages it."""

    generator: nn.Module
    discriminator: nn.Module
    ema: nn.Module

    def modules(self) -> dict[str, nn.Module]:
        """Each network once, by name."""
        named = {"generator": self.generator, "discriminator": self.discriminator}
        return named if self.ema is self.generator else {**named, "ema": self.ema}

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
    """What the discriminator should say of reals and fakes, for losses that have such targets."""

    real: Tensor | float = 1.0
    fake: Tensor | float = 0.0


@dataclass(frozen=True)
class Sight:
    """Whom a picture is shown to and which kind it is; `logits` of them are given a batch, where that is known."""

    player: Player
    real: bool
    moment: Moment
    logits: int = 0


@dataclass(frozen=True)
class Needs:
    """What must be prepared before the discriminator sees a batch."""

    real_gradient: bool = False
    fake_gradient: bool = False


class Trick(BaseModel):
    """One configured change to plain adversarial training. Its fields are its options in params.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str]
    shorthand: ClassVar[str | None] = None
    """The option that a bare value in params.yaml stands for, as in `relativistic: average`."""

    def check(self, config: StageConfig) -> None:
        """Raise ValueError with the reason where this trick cannot work in this stage."""

    def acts(self) -> bool:
        """Whether it changes anything with these options."""
        return True

    def wants(self) -> tuple[str, ...]:
        """The places in the networks that it changes, such as "discriminator.statistics"."""
        return ()

    def needs_classes(self) -> bool:
        """Whether the networks must be told the class of each picture."""
        return False

    # Networks, before optimisers exist.

    def plan_networks(self, plan: NetworkPlan) -> None:
        """Change what the networks will be built with."""

    def change_networks(self, networks: Networks) -> None:
        """Change the networks once they are built."""

    # Optimisers and the ratio of steps.

    def plan_optimizers(self, plan: OptimizerPlan) -> None:
        """Change the optimisers' classes and arguments."""

    def learning_rate(self, player: Player, moment: Moment) -> float:
        """Factor on a player's learning rate at this moment."""
        return 1.0

    def discriminator_steps(self, steps: int, moment: Moment) -> int:
        """How many discriminator steps precede this generator step; `steps` is what it would be without."""
        return steps

    # Within an iteration.

    def before_step(self, networks: Networks, moment: Moment) -> None:
        """At the start of an iteration: schedules that live in the networks."""

    def view(self, pictures: Tensor, sight: Sight) -> Tensor:
        """What the discriminator sees of pictures (B, channels, R, R)."""
        return pictures

    def samples_a_logit(self) -> int:
        """How many pictures the discriminator judges jointly, where `view` groups them."""
        return 1

    def targets(self, targets: Targets, sight: Sight) -> Targets:
        """What the discriminator should answer, in its own step."""
        return targets

    def fakes(self, fakes: Tensor, sight: Sight) -> Tensor:
        """The fakes (B, channels, R, R) that the discriminator is trained on."""
        return fakes

    def opponent(self, opponent: nn.Module, player: Player, moment: Moment) -> nn.Module:
        """The network that a player plays against in this step."""
        return opponent

    def wrap_loss(self, loss: Loss) -> Loss:
        """Another loss made of the chosen one."""
        return loss

    def simultaneous(self) -> bool:
        """Whether both players' gradients are taken before either moves."""
        return False

    def judge(self, judge: Judge, step: Step) -> Judge:
        """Around the generator step: the discriminator that the generator plays against."""
        return judge

    def after_discriminator_step(self, networks: Networks, moment: Moment) -> None:
        """When the discriminator has stepped."""

    def after_generator_step(self, networks: Networks, moment: Moment) -> None:
        """When the generator has stepped."""

    # Stateful tricks.

    def state_dict(self) -> dict[str, Any]:
        """All that a resume needs; tensors and plain values only."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""


class Term(Trick):
    """A trick that adds a scalar to a player's loss; it implements one or both of the two terms.

    With `every: n` the term is computed on each n-th iteration only, times n, within the same optimiser step.
    Its mean gradient is unchanged. The other way, a separate step with compensated Adam (StyleGAN2), would cost
    a second forward of the batch that this step has already seen, and gives each player two steps.
    """

    weight: float = Field(default=1.0, ge=0)
    every: int = Field(default=1, ge=1, description="compute it on each n-th iteration only, times n")
    needs: ClassVar[Needs] = Needs()

    def discriminator_term(self, step: Step) -> Tensor:
        """Scalar added, times weight, to the discriminator's loss."""
        raise NotImplementedError

    def generator_term(self, step: Step) -> Tensor:
        """Scalar added, times weight, to the generator's loss."""
        raise NotImplementedError


def implements(trick: Trick, place: str) -> bool:
    """Whether a trick changes this place."""
    return getattr(type(trick), place, None) not in (None, getattr(Trick, place, None), getattr(Term, place, None))
