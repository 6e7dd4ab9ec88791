"""Values available within one player's step, computed on first access and then shared.

Reals and fakes are as the discriminator sees them, after all views. So penalties and feature matching see faded, noisy
or packed images without extra code, and a penalty reuses the logits of the loss at no cost.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from espalier.stages.contracts.condition import Condition
from espalier.stages.tricks.context import StepContext
from espalier.stages.tricks.parts import Discriminator, Needs, Networks, Player


def gradient(logits: Tensor, images: Tensor) -> Tensor:
    """d sum(logits) / d images, in float32 and differentiable. Each row is the gradient of one sample.

    If the discriminator judges patches, a sample's logit is their mean.
    """
    (found,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    patches = len(logits) // len(images)
    return found.float() if patches == 1 else found.float() / patches


def slope(logits: Tensor, images: Tensor) -> Tensor:
    """||d logit / d image||_2 of each sample, (B,), over all its dimensions; differentiable.

    The 1e-12 under the root keeps its derivative finite where the gradient is exactly zero.
    """
    return (gradient(logits, images).square().flatten(1).sum(1) + 1e-12).sqrt()


@dataclass(frozen=True)
class Players:
    """Both players at the start of a step: networks, opponent, optimisers, and the condition of each logit's samples.

    `discriminator_loss` is the discriminator's objective without added terms, a function of the logits of reals and fakes;
    `on_fakes` is its part on fakes. `held_out_logits` are those of held-out reals, without gradients.
    """

    networks: Networks
    opponent: nn.Module
    optimizers: dict[Player, torch.optim.Optimizer]
    condition: Condition
    discriminator_loss: Callable[[Tensor, Tensor], Tensor]
    on_fakes: Callable[[Tensor], Tensor]
    held_out_logits: Callable[[], Tensor] | None = None


class Step:
    """One step of `player`. `discriminator` maps its input (B, channels, R, R) to logits (B,)."""

    def __init__(
        self,
        player: Player,
        context: StepContext,
        discriminator: Discriminator,
        see_real: Callable[[], Tensor],
        fake: Tensor,
        needs: Needs,
        players: Players,
    ) -> None:
        self.player, self.context, self.discriminator = player, context, discriminator
        self._see_real, self._needs, self.players = see_real, needs, players
        self.fake = fake.detach().requires_grad_() if needs.fake_gradient and player == "discriminator" else fake

    @cached_property
    def real(self) -> Tensor:
        """Reals as the discriminator sees them. In the generator's step they are drawn only on access."""
        real = self._see_real()
        return real.detach().requires_grad_() if self._needs.real_gradient else real

    @property
    def networks(self) -> Networks:
        """Both players' networks."""
        return self.players.networks

    def _logits(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        features: list[Tensor] = []
        logits = self.discriminator(images, features).float()
        return logits, [feature.float() for feature in features]

    @cached_property
    def _on_real(self) -> tuple[Tensor, list[Tensor]]:
        return self._logits(self.real)

    @cached_property
    def _on_fake(self) -> tuple[Tensor, list[Tensor]]:
        return self._logits(self.fake)

    @property
    def real_logits(self) -> Tensor:
        """Logits of the reals, (B,)."""
        return self._on_real[0]

    @property
    def fake_logits(self) -> Tensor:
        """Logits of the fakes, (B,)."""
        return self._on_fake[0]

    @property
    def real_features(self) -> list[Tensor]:
        """The discriminator's features of the reals, from the input to the last dense layer."""
        return self._on_real[1]

    @property
    def fake_features(self) -> list[Tensor]:
        """The discriminator's features of the fakes."""
        return self._on_fake[1]

    @cached_property
    def real_gradient(self) -> Tensor:
        """d logits / d reals, (B, channels, R, R); for tricks that declare `Needs(real_gradient=True)`."""
        return gradient(self.real_logits, self.real)

    @cached_property
    def fake_gradient(self) -> Tensor:
        """d logits / d fakes, (B, channels, R, R); for tricks that declare `Needs(fake_gradient=True)`."""
        return gradient(self.fake_logits, self.fake)


def combined(needs: list[Needs]) -> Needs:
    """The union of all needs."""
    return Needs(any(n.real_gradient for n in needs), any(n.fake_gradient for n in needs))
