"""What one player's step may look at, computed when first asked for and then shared.

Reals and fakes are here as the discriminator sees them, behind the one door: so a penalty or a feature match sees
faded, noisy or packed pictures without knowing it, and logits that the loss has used cost a penalty nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from espalier.models.fashiongan.told import Told
from espalier.stages.tricks.context import Moment
from espalier.stages.tricks.trick import Judge, Needs, Networks, Player


def gradient(logits: Tensor, pictures: Tensor) -> Tensor:
    """d sum(logits) / d pictures, in float32 and differentiable again. A sample's row is its own gradient.

    Where a discriminator judges patches, a sample's logit is their mean.
    """
    (found,) = torch.autograd.grad(logits.sum(), pictures, create_graph=True)
    patches = len(logits) // len(pictures)
    return found.float() if patches == 1 else found.float() / patches


def slope(logits: Tensor, pictures: Tensor) -> Tensor:
    """||d logit / d picture||_2 of each sample, (B,), over all its dimensions; differentiable again.

    The 1e-12 under the root keeps its derivative finite where the gradient is exactly zero.
    """
    return (gradient(logits, pictures).square().flatten(1).sum(1) + 1e-12).sqrt()


@dataclass(frozen=True)
class Table:
    """What lies open in the game: the networks, the discriminator that judges in this step, the optimisers, and what is
    `told` of each logit's pictures: classes (B,), or sentences and maps, if anything.

    `discriminator_loss` is the discriminator's objective, without added terms, of logits of reals and of fakes; `on_fakes` the
    part of it that is of fakes.
    """

    networks: Networks
    opponent: nn.Module
    optimizers: dict[Player, torch.optim.Optimizer]
    told: Tensor | Told | None
    discriminator_loss: Callable[[Tensor, Tensor], Tensor]
    on_fakes: Callable[[Tensor], Tensor]


class Step:
    """One step of `player`. `judge` maps what the discriminator sees (B, channels, R, R) to logits (B,)."""

    def __init__(
        self,
        player: Player,
        moment: Moment,
        judge: Judge,
        see_real: Callable[[], Tensor],
        fake: Tensor,
        needs: Needs,
        table: Table,
    ) -> None:
        self.player, self.moment, self.judge = player, moment, judge
        self._see_real, self._needs, self.table = see_real, needs, table
        self.fake = fake.detach().requires_grad_() if needs.fake_gradient and player == "discriminator" else fake

    @cached_property
    def real(self) -> Tensor:
        """Reals as the discriminator sees them. In the generator's step they are drawn only if asked for."""
        real = self._see_real()
        return real.detach().requires_grad_() if self._needs.real_gradient else real

    @property
    def networks(self) -> Networks:
        """Both players' networks."""
        return self.table.networks

    def _judged(self, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
        features: list[Tensor] = []
        return self.judge(pictures, features).float(), features

    @cached_property
    def _judged_real(self) -> tuple[Tensor, list[Tensor]]:
        return self._judged(self.real)

    @cached_property
    def _judged_fake(self) -> tuple[Tensor, list[Tensor]]:
        return self._judged(self.fake)

    @property
    def real_logits(self) -> Tensor:
        """Logits of the reals, (B,)."""
        return self._judged_real[0]

    @property
    def fake_logits(self) -> Tensor:
        """Logits of the fakes, (B,)."""
        return self._judged_fake[0]

    @property
    def real_features(self) -> list[Tensor]:
        """What the discriminator's blocks make of the reals, from the input to the last dense layer."""
        return self._judged_real[1]

    @property
    def fake_features(self) -> list[Tensor]:
        """What the discriminator's blocks make of the fakes."""
        return self._judged_fake[1]

    @cached_property
    def real_gradient(self) -> Tensor:
        """d logits / d reals, (B, channels, R, R); for tricks that declare `Needs(real_gradient=True)`."""
        return gradient(self.real_logits, self.real)

    @cached_property
    def fake_gradient(self) -> Tensor:
        """d logits / d fakes, (B, channels, R, R); for tricks that declare `Needs(fake_gradient=True)`."""
        return gradient(self.fake_logits, self.fake)


def combined(needs: list[Needs]) -> Needs:
    """All that any of them needs."""
    return Needs(any(n.real_gradient for n in needs), any(n.fake_gradient for n in needs))
