"""The game of two networks: one discriminator step, one generator step.

Read it beside the algorithm box of any GAN paper. Everything that changes between papers is a trick, called at a
fixed place; the whole list of places is in `stages/tricks/trick.py`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from stages import distributed
from stages.device import precision
from stages.moment import Moment
from stages.step import Step, combined
from stages.tricks.loss import Loss
from stages.tricks.trick import Judge, Networks, Player, Sight, Targets, Term, Trick, implements

DrawReal = Callable[[], Tensor]
"""Draws this process's share of a batch of reals, (B, channels, R, R)."""


def discriminator_steps(tricks: Sequence[Trick], moment: Moment) -> int:
    """How many discriminator steps precede the generator step of this moment."""
    steps = 1
    for trick in tricks:
        steps = trick.discriminator_steps(steps, moment)
    return steps


class Game:
    """Networks, loss, tricks and optimisers, and how they move."""

    def __init__(
        self, networks: Networks, loss: Loss, tricks: list[Trick], optimizers: dict[Player, torch.optim.Optimizer]
    ) -> None:
        self.networks, self.tricks, self.optimizers = networks, tricks, optimizers
        self._places: dict[str, list[Any]] = {}
        self.rates = {player: [g["lr"] for g in o.param_groups] for player, o in optimizers.items()}
        self.loss = loss
        for trick in self.at("wrap_loss"):
            self.loss = trick.wrap_loss(self.loss)
        terms = [t for t in tricks if isinstance(t, Term)]
        self.terms: dict[Player, list[Term]] = {
            "discriminator": [t for t in terms if implements(t, "discriminator_term")],
            "generator": [t for t in terms if implements(t, "generator_term")],
        }

    def at(self, place: str) -> list[Any]:
        """The tricks that change this place, in order."""
        if place not in self._places:
            self._places[place] = [trick for trick in self.tricks if implements(trick, place)]
        return self._places[place]

    def discriminator_steps(self, moment: Moment) -> int:
        """How many discriminator steps this iteration has."""
        return discriminator_steps(self.at("discriminator_steps"), moment)

    def before_step(self, moment: Moment) -> None:
        """Bring schedules to this moment: those in the networks, and the learning rates."""
        for trick in self.at("before_step"):
            trick.before_step(self.networks, moment)
        ramps = self.at("learning_rate")
        for player, optimizer in self.optimizers.items() if ramps else ():
            for group, rate in zip(optimizer.param_groups, self.rates[player], strict=True):
                for trick in ramps:
                    rate *= trick.learning_rate(player, moment)
                group["lr"] = rate

    def discriminator_step(self, moment: Moment, real: Tensor) -> dict[str, Tensor]:
        """Train the discriminator on a batch of reals and as many fakes. Returns each term of its loss, detached."""
        with torch.no_grad(), precision(moment.device):
            fake = self._generate(moment, len(real), "discriminator")
        due = self._due("discriminator", moment)
        step = self._step("discriminator", moment, lambda: real, fake, due)
        with precision(moment.device):
            logits = step.real_logits, step.fake_logits
        terms = {"loss_d": self.loss.discriminator(*logits, self._targets("discriminator", moment))}
        for trick in due:
            terms[trick.name] = trick.weight * trick.every * trick.discriminator_term(step)
        self._update("discriminator", self.networks.discriminator, terms)
        for trick in self.at("after_discriminator_step"):
            trick.after_discriminator_step(self.networks, moment)
        return self._detached(terms, d_real=logits[0], d_fake=logits[1])

    def generator_step(self, moment: Moment, draw_real: DrawReal, count: int) -> dict[str, Tensor]:
        """Train the generator on `count` new fakes. Returns each term of its loss, detached.

        The discriminator's parameters take no gradient meanwhile: half the backward pass is not computed.
        """
        self.networks.discriminator.requires_grad_(False)
        with precision(moment.device):
            fake = self._generate(moment, count, "generator")
        due = self._due("generator", moment)
        step = self._step("generator", moment, draw_real, fake, due)
        for trick in self.at("judge"):
            step.judge = trick.judge(step.judge, step)
        with precision(moment.device):
            fake_logits = step.fake_logits
            real_logits = step.real_logits if self.loss.generator_needs_real else None
        terms = {"loss_g": self.loss.generator(fake_logits, real_logits, self._targets("generator", moment))}
        for trick in due:
            terms[trick.name] = trick.weight * trick.every * trick.generator_term(step)
        self._update("generator", self.networks.generator, terms)
        self.networks.discriminator.requires_grad_(True)
        for trick in self.at("after_generator_step"):
            trick.after_generator_step(self.networks, moment)
        return self._detached(terms)

    def _generate(self, moment: Moment, count: int, player: Player) -> Tensor:
        latent = moment.normal((count, int(self.networks.generator.latent)), "latent", player)  # type: ignore[arg-type]
        fake: Tensor = self.networks.generator(latent)
        return fake.float()

    def _due(self, player: Player, moment: Moment) -> list[Term]:
        return [t for t in self.terms[player] if moment.step % t.every == 0]

    def _step(self, player: Player, moment: Moment, draw_real: DrawReal, fake: Tensor, due: list[Term]) -> Step:
        """The one door: whatever changes what the discriminator sees is applied here, packing last."""
        views = self.at("view")

        def seen(pictures: Tensor, real: bool) -> Tensor:
            for trick in views:
                pictures = trick.view(pictures, Sight(player, real, moment))
            return pictures

        judge: Judge = self.networks.discriminator
        needs = combined([t.needs for t in due])
        return Step(player, moment, judge, lambda: seen(draw_real(), True), seen(fake, False), needs)

    def _targets(self, player: Player, moment: Moment) -> Targets:
        targets = Targets()
        for trick in self.at("targets"):
            targets = trick.targets(targets, Sight(player, True, moment))
        return targets

    def _update(self, player: Player, network: nn.Module, terms: dict[str, Tensor]) -> None:
        optimizer = self.optimizers[player]
        optimizer.zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        distributed.average_gradients(network.parameters())
        optimizer.step()

    @staticmethod
    def _detached(terms: dict[str, Tensor], **logits: Tensor) -> dict[str, Tensor]:
        means = {name: value.detach().mean() for name, value in logits.items()}
        return {name: value.detach() for name, value in terms.items()} | means
