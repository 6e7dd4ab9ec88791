"""The game of two networks: one discriminator step, one generator step.

Read it beside the algorithm box of any GAN paper. Everything that changes between papers is a trick, called at a
fixed place; the whole list of places is in `stages/tricks/trick.py`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from espalier.models.fashiongan.told import Told
from espalier.stages.process import distributed
from espalier.stages.process.device import precision
from espalier.stages.tricks.context import Moment, draw_latents
from espalier.stages.tricks.loss import Loss
from espalier.stages.tricks.step import Step, Table, combined
from espalier.stages.tricks.trick import Judge, Networks, Player, Sight, Targets, Term, Trick, implements

DrawReal = Callable[[], Tensor]
"""Draws this process's share of a batch of reals, (B, channels, R, R)."""


def discriminator_steps(tricks: Sequence[Trick], moment: Moment) -> int:
    """How many discriminator steps precede the generator step of this moment."""
    steps = 1
    for trick in tricks:
        steps = trick.discriminator_steps(steps, moment)
    return steps


@torch.no_grad()
def told_apart(real: Tensor, fake: Tensor) -> Tensor:
    """Share of pairs of a real and a fake, of logits (B,) each, in which the real's is larger; ties count half."""
    ordered, real = fake.flatten().sort().values, real.flatten().contiguous()
    below = torch.searchsorted(ordered, real) + torch.searchsorted(ordered, real, right=True)
    return below.float().mean() / (2 * len(ordered))


def _one_a_logit(told: Tensor | Told | None, logits: int) -> Tensor | Told | None:
    """Classes of each logit's pictures: those of a pack are of one class. Sentences and maps are not packed."""
    return told[:logits] if isinstance(told, Tensor) else told


class Game:
    """Networks, loss, tricks and optimisers, and how they move.

    `prior`: what latents are drawn from. Labels are class numbers (B,) where the networks are told them, else None;
    fakes are made for the classes of the reals they are shown with.
    """

    def __init__(
        self,
        networks: Networks,
        loss: Loss,
        tricks: list[Trick],
        optimizers: dict[Player, torch.optim.Optimizer],
        prior: str = "normal",
    ) -> None:
        self.networks, self.tricks, self.optimizers, self.prior = networks, tricks, optimizers, prior
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
        self.simultaneous = any(trick.simultaneous() for trick in tricks)

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

    def discriminator_step(self, moment: Moment, real: Tensor, told: Tensor | Told | None = None) -> dict[str, Tensor]:
        """Train the discriminator on a batch of reals and as many fakes. Returns each term of its loss, detached."""
        opponent = self._opponent("discriminator", moment)
        with torch.no_grad(), precision(moment.device):
            fake = self._generate(opponent, moment, len(real), "discriminator", told)
        for trick in self.at("fakes"):
            fake = trick.fakes(fake, Sight("discriminator", False, moment))
        due = self._due("discriminator", moment)
        step = self._step("discriminator", moment, lambda: real, fake, due, told)
        with precision(moment.device):
            logits = step.real_logits, step.fake_logits
        terms = {"loss_d": step.table.discriminator_loss(*logits)}
        for trick in due:
            terms[trick.name] = trick.weight * trick.every * trick.discriminator_term(step)
        self._differentiate("discriminator", terms)
        if not self.simultaneous:
            self._move("discriminator", moment)
        return self._detached(terms, d_real=logits[0], d_fake=logits[1], d_accuracy=told_apart(*logits))

    def generator_step(
        self, moment: Moment, draw_real: DrawReal, count: int, told: Tensor | Told | None = None
    ) -> dict[str, Tensor]:
        """Train the generator on `count` new fakes. Returns each term of its loss, detached.

        The discriminator's parameters take no gradient meanwhile: half the backward pass is not computed.
        """
        self.networks.discriminator.requires_grad_(False)
        with precision(moment.device):
            fake = self._generate(self.networks.generator, moment, count, "generator", told)
        due = self._due("generator", moment)
        step = self._step("generator", moment, draw_real, fake, due, told)
        for trick in self.at("judge"):
            step.judge = trick.judge(step.judge, step)
        with precision(moment.device):
            fake_logits = step.fake_logits
            real_logits = step.real_logits if self.loss.generator_needs_real else None
        terms = {"loss_g": self.loss.generator(fake_logits, real_logits)}
        for trick in due:
            terms[trick.name] = trick.weight * trick.every * trick.generator_term(step)
        self._differentiate("generator", terms)
        self.networks.discriminator.requires_grad_(True)
        if self.simultaneous:
            self._move("discriminator", moment)
        self._move("generator", moment)
        return self._detached(terms)

    @torch.no_grad()
    def judged(self, real: Tensor, moment: Moment, told: Tensor | Told | None) -> Tensor:
        """Logits of reals as the discriminator sees them, without a trace in it: neither gradients nor running statistics."""
        discriminator = self.networks.discriminator
        training = discriminator.training
        discriminator.eval()
        real = self._seen(real, Sight("discriminator", True, moment))
        told = _one_a_logit(told, len(real))
        with precision(moment.device):
            logits: Tensor = discriminator(real) if told is None else discriminator(real, None, told)
        discriminator.train(training)
        return logits.float()

    def _opponent(self, player: Player, moment: Moment) -> nn.Module:
        opponent = self.networks.of("generator" if player == "discriminator" else "discriminator")
        for trick in self.at("opponent"):
            opponent = trick.opponent(opponent, player, moment)
        return opponent

    def _generate(
        self, generator: nn.Module, moment: Moment, count: int, player: Player, told: Tensor | Told | None
    ) -> Tensor:
        latent = draw_latents(moment, (count, int(generator.latent)), self.prior, "latent", player)  # type: ignore[arg-type]
        fake: Tensor = generator(latent) if told is None else generator(latent, told)
        return fake.float()

    def _due(self, player: Player, moment: Moment) -> list[Term]:
        return [t for t in self.terms[player] if moment.step % t.every == 0]

    def _step(
        self,
        player: Player,
        moment: Moment,
        draw_real: DrawReal,
        fake: Tensor,
        due: list[Term],
        told: Tensor | Told | None,
    ) -> Step:
        """The one door: whatever changes what the discriminator sees is applied here, packing last."""
        judged = self._seen(fake, Sight(player, False, moment))
        told = _one_a_logit(told, len(judged))
        referee = self.networks.discriminator if player == "discriminator" else self._opponent(player, moment)
        judge: Judge = referee if told is None else lambda pictures, features=None: referee(pictures, features, told)
        table = Table(
            self.networks, referee, self.optimizers, told,
            discriminator_loss=lambda r, f: self.loss.discriminator(r, f, self._targets(moment, len(r))),
            on_fakes=lambda f: self.loss.on_fakes(f, self._targets(moment, len(f))),
        )  # fmt: skip
        needs = combined([t.needs for t in due])
        sight = Sight(player, True, moment)
        return Step(player, moment, judge, lambda: self._seen(draw_real(), sight), judged, needs, table)

    def _seen(self, pictures: Tensor, sight: Sight) -> Tensor:
        """What the discriminator sees of pictures."""
        for trick in self.at("view"):
            pictures = trick.view(pictures, sight)
        return pictures

    def _targets(self, moment: Moment, logits: int) -> Targets:
        targets = Targets()
        for trick in self.at("targets"):
            targets = trick.targets(targets, Sight("discriminator", True, moment, logits))
        return targets

    def _differentiate(self, player: Player, terms: dict[str, Tensor]) -> None:
        self.optimizers[player].zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        distributed.average_gradients(self.networks.of(player).parameters())

    def _move(self, player: Player, moment: Moment) -> None:
        self.optimizers[player].step()
        for trick in self.at(f"after_{player}_step"):
            getattr(trick, f"after_{player}_step")(self.networks, moment)

    @staticmethod
    def _detached(terms: dict[str, Tensor], **logits: Tensor) -> dict[str, Tensor]:
        means = {name: value.detach().mean() for name, value in logits.items()}
        return {name: value.detach() for name, value in terms.items()} | means
