"""Base class of all tricks: options, and hooks into the training loop.

A trick implements only the hooks it needs. It never steps an optimiser, never calls `backward` and does not know
other tricks; the loop does not know any trick by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field
from torch import Tensor, nn

from espalier.stages.contracts.options import Options
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


class Trick(Options):
    """One configured change to plain adversarial training. Its fields are its options in params.yaml."""

    name: ClassVar[str]
    shorthand: ClassVar[str | None] = None
    """The option that a bare value in params.yaml sets, as in `relativistic: average`."""
    scheduled: ClassVar[tuple[str, ...]] = ()
    """Numbers that are read in every step, so that the trick `schedule` can change them."""

    def check(self, setting: Setting) -> None:
        """Raise ValueError with the reason if this trick cannot work in this stage."""

    def acts(self) -> bool:
        """Whether the trick has any effect with these options."""
        return True

    def wants(self) -> tuple[str, ...]:
        """The parts of the networks that it changes, such as "discriminator.statistics"."""
        return ()

    def whole_batch(self) -> str | None:
        """Why it cannot be computed on one micro-batch after another; None if it can."""
        return None

    def needs_classes(self) -> bool:
        """Whether the networks must be conditioned on the class of each image."""
        return False

    # Networks, before optimisers exist.

    def plan_networks(self, plan: NetworkPlan) -> None:
        """Change the arguments that the networks will be built with."""

    def change_networks(self, networks: Networks) -> None:
        """Change the networks once they are built."""

    # Other tricks, once they all exist.

    def meet(self, tricks: dict[str, Trick]) -> None:
        """Called once with all tricks of the training, by their names in params.yaml."""

    def now(self, **numbers: float) -> None:
        """Set scheduled numbers of this training's own copy."""
        self.__dict__.update(numbers)  # options are frozen, since nothing else may change them

    # Optimisers and the ratio of steps.

    def plan_optimizers(self, plan: OptimizerPlan) -> None:
        """Change the optimisers' classes and arguments."""

    def learning_rate(self, player: Player, context: StepContext) -> float:
        """Factor on a player's learning rate at this step."""
        return 1.0

    def betas(self, betas: tuple[float, float], context: StepContext) -> tuple[float, float]:
        """Adam's betas at this step."""
        return betas

    def discriminator_steps(self, steps: int, context: StepContext) -> int:
        """Number of discriminator steps before this generator step; `steps` is the number without this trick."""
        return steps

    # Within an iteration.

    def advance(self, context: StepContext) -> None:
        """Called before every step of the discriminator, before anything reads the tricks' numbers."""

    def before_step(self, networks: Networks, context: StepContext) -> None:
        """Called at the start of an iteration, for schedules stored in the networks."""

    def discriminator_view(self, images: Tensor, view: View) -> Tensor:
        """Transform images (B, channels, R, R) before the discriminator sees them."""
        return images

    def samples_per_logit(self) -> int:
        """Number of samples the discriminator judges jointly, if `discriminator_view` groups them."""
        return 1

    def targets(self, targets: Targets, view: View) -> Targets:
        """The discriminator's targets in its own step."""
        return targets

    def fakes(self, fakes: Tensor, view: View) -> Tensor:
        """The fakes (B, channels, R, R) that the discriminator is trained on."""
        return fakes

    def opponent(self, opponent: nn.Module, player: Player, context: StepContext) -> nn.Module:
        """The opponent of a player in this step."""
        return opponent

    def wrap_loss(self, loss: Loss) -> Loss:
        """Wrap the chosen loss."""
        return loss

    def simultaneous(self) -> bool:
        """Whether both players' gradients are computed before either is updated."""
        return False

    def generators_discriminator(self, discriminator: Discriminator, step: Step) -> Discriminator:
        """The discriminator that the generator plays against in its step."""
        return discriminator

    def observe(self, step: Step) -> None:
        """Called in the discriminator's step once its gradients are computed, before its weights move."""

    def logged(self) -> dict[str, float]:
        """Numbers of its state for history.csv, by column."""
        return {}

    def after_discriminator_step(self, networks: Networks, context: StepContext) -> None:
        """Called after a discriminator step."""

    def after_generator_step(self, networks: Networks, context: StepContext) -> None:
        """Called after a generator step."""

    # Stateful tricks.

    def state_dict(self) -> dict[str, Any]:
        """All state needed to resume; tensors and plain values only."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state returned by `state_dict`."""


class Term(Trick):
    """A trick that adds a scalar to a player's loss; it implements one or both of the two terms.

    With `every: n` the term is computed every n-th iteration only, times n, within the same optimiser step.
    Its mean gradient is unchanged, but not Adam's mean update: it costs quality, as docs/tables/lazy_penalty.md shows. The
    alternative, a separate step with compensated Adam (StyleGAN2), would cost a second forward pass of a batch this step has
    already seen, and give each player two steps.
    """

    scheduled: ClassVar[tuple[str, ...]] = ("weight",)
    weight: float = Field(default=1.0, ge=0)
    every: int = Field(default=1, ge=1, description="compute the term every n-th iteration only, times n")
    needs: ClassVar[Needs] = Needs()

    def discriminator_term(self, step: Step) -> Tensor:
        """Scalar to add, times weight, to the discriminator's loss."""
        raise NotImplementedError

    def generator_term(self, step: Step) -> Tensor:
        """Scalar to add, times weight, to the generator's loss."""
        raise NotImplementedError


def implements(trick: Trick, place: str) -> bool:
    """Whether a trick overrides this hook."""
    return getattr(type(trick), place, None) not in (None, getattr(Trick, place, None), getattr(Term, place, None))
