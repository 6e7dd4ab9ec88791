"""What a trick is: its options, and the places of the training loop that it changes.

A trick implements only the places it needs. It never steps an optimiser, never calls `backward` and knows no
other trick; the loop knows no trick by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from espalier.stages.tricks.context import StepContext
from espalier.stages.tricks.parts import (
    Discriminator,
    Needs,
    NetworkPlan,
    Networks,
    OptimizerPlan,
    Player,
    Setting,
    Targets,
    View,
)
from espalier.stages.tricks.step import Step

if TYPE_CHECKING:
    from espalier.stages.tricks.loss import Loss


class Trick(BaseModel):
    """One configured change to plain adversarial training. Its fields are its options in params.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str]
    shorthand: ClassVar[str | None] = None
    """The option that a bare value in params.yaml stands for, as in `relativistic: average`."""

    def check(self, setting: Setting) -> None:
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

    def learning_rate(self, player: Player, context: StepContext) -> float:
        """Factor on a player's learning rate at this step."""
        return 1.0

    def discriminator_steps(self, steps: int, context: StepContext) -> int:
        """How many discriminator steps precede this generator step; `steps` is what it would be without."""
        return steps

    # Within an iteration.

    def before_step(self, networks: Networks, context: StepContext) -> None:
        """At the start of an iteration: schedules that live in the networks."""

    def discriminator_view(self, images: Tensor, view: View) -> Tensor:
        """What the discriminator sees of images (B, channels, R, R)."""
        return images

    def samples_per_logit(self) -> int:
        """How many samples the discriminator judges jointly, where `discriminator_view` groups them."""
        return 1

    def targets(self, targets: Targets, view: View) -> Targets:
        """What the discriminator should answer, in its own step."""
        return targets

    def fakes(self, fakes: Tensor, view: View) -> Tensor:
        """The fakes (B, channels, R, R) that the discriminator is trained on."""
        return fakes

    def opponent(self, opponent: nn.Module, player: Player, context: StepContext) -> nn.Module:
        """The network that a player plays against in this step."""
        return opponent

    def wrap_loss(self, loss: Loss) -> Loss:
        """Another loss made of the chosen one."""
        return loss

    def simultaneous(self) -> bool:
        """Whether both players' gradients are taken before either moves."""
        return False

    def generators_discriminator(self, discriminator: Discriminator, step: Step) -> Discriminator:
        """Around the generator step: the discriminator that the generator plays against."""
        return discriminator

    def after_discriminator_step(self, networks: Networks, context: StepContext) -> None:
        """When the discriminator has stepped."""

    def after_generator_step(self, networks: Networks, context: StepContext) -> None:
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
