"""The game of two networks: one discriminator step, one generator step.

Read it side by side with the algorithm box of any GAN paper. Everything that differs between papers is a trick, called at a
fixed place; `stages/tricks/trick.py` lists all places.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from espalier.models import processes
from espalier.stages.contracts.condition import Condition, rows
from espalier.stages.process import distributed
from espalier.stages.process.device import precision
from espalier.stages.tricks.context import StepContext, draw_latents
from espalier.stages.tricks.loss import Loss
from espalier.stages.tricks.parts import Networks, Player, Targets, View
from espalier.stages.tricks.step import Players, Step, combined
from espalier.stages.tricks.trick import Term, Trick, implements

DrawReal = Callable[[], Tensor]
"""Draws this process's share of a batch of reals, (B, channels, R, R)."""


def discriminator_steps(tricks: Sequence[Trick], context: StepContext) -> int:
    """Number of discriminator steps before this step's generator step."""
    steps = 1
    for trick in tricks:
        steps = trick.discriminator_steps(steps, context)
    return steps


@torch.no_grad()
def pair_accuracy(real: Tensor, fake: Tensor) -> Tensor:
    """Share of real/fake pairs, from logits (B,) each, in which the real's logit is larger; ties count half."""
    ordered, real = fake.flatten().sort().values, real.flatten().contiguous()
    below = torch.searchsorted(ordered, real) + torch.searchsorted(ordered, real, right=True)
    return below.float().mean() / (2 * len(ordered))


class Game:
    """Networks, loss, tricks and optimisers, and their update steps.

    `prior`: distribution of the latents. A condition has one entry per sample of a batch; fakes are generated for the
    conditions of the reals in the same batch.
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
        self._trained = [p for p in networks.discriminator.parameters() if p.requires_grad]
        self.simultaneous = any(trick.simultaneous() for trick in tricks)

    def at(self, place: str) -> list[Any]:
        """The tricks that implement this place, in order."""
        if place not in self._places:
            self._places[place] = [trick for trick in self.tricks if implements(trick, place)]
        return self._places[place]

    def discriminator_steps(self, context: StepContext) -> int:
        """Number of discriminator steps in this iteration."""
        return discriminator_steps(self.at("discriminator_steps"), context)

    def before_step(self, context: StepContext) -> None:
        """Advance all schedules to this step: those in the networks, and the learning rates."""
        for trick in self.at("before_step"):
            trick.before_step(self.networks, context)
        ramps = self.at("learning_rate")
        for player, optimizer in self.optimizers.items() if ramps else ():
            for group, rate in zip(optimizer.param_groups, self.rates[player], strict=True):
                for trick in ramps:
                    rate *= trick.learning_rate(player, context)
                group["lr"] = rate

    def discriminator_step(self, context: StepContext, real: Tensor, condition: Condition = None) -> dict[str, Tensor]:
        """Train the discriminator on a batch of reals and equally many fakes. Returns each loss term, detached."""
        opponent = self._opponent("discriminator", context)
        with torch.no_grad(), precision(context.device):
            fake = self._generate(opponent, context, len(real), "discriminator", condition)
        for trick in self.at("fakes"):
            fake = trick.fakes(fake, View("discriminator", False, context))
        due = self._due("discriminator", context)
        step = self._step("discriminator", context, lambda: real, fake, due, condition)
        logits = step.real_logits, step.fake_logits
        terms = {"loss_d": step.players.discriminator_loss(*logits)}
        for trick in due:
            terms[trick.name] = trick.weight * trick.every * trick.discriminator_term(step)
        self._differentiate("discriminator", terms)
        if not self.simultaneous:
            self._move("discriminator", context)
        accuracy = pair_accuracy(*(processes.everyone(of.detach()) for of in logits))
        return self._detached(terms, d_real=logits[0], d_fake=logits[1], d_accuracy=accuracy)

    def generator_step(
        self,
        context: StepContext,
        draw_real: DrawReal,
        count: int,
        condition: Condition = None,
        adversarial: bool = True,
    ) -> dict[str, Tensor]:
        """Train the generator on `count` new fakes, unless `adversarial` only by the added terms. Returns each term, detached.

        The discriminator's parameters are frozen meanwhile, which saves half the backward pass.
        """
        self._hold(True)
        with precision(context.device):
            fake = self._generate(self.networks.generator, context, count, "generator", condition)
        due = self._due("generator", context)
        step = self._step("generator", context, draw_real, fake, due, condition)
        terms = {"loss_g": self._adversarial_loss(step)} if adversarial else {}
        for trick in due:
            terms[trick.name] = trick.weight * trick.every * trick.generator_term(step)
        if not terms:
            self._hold(False)
            return {}
        self._differentiate("generator", terms)
        self._hold(False)
        if self.simultaneous:
            self._move("discriminator", context)
        self._move("generator", context)
        return self._detached(terms)

    def _adversarial_loss(self, step: Step) -> Tensor:
        """The generator's loss without added terms."""
        for trick in self.at("generators_discriminator"):
            step.discriminator = trick.generators_discriminator(step.discriminator, step)
        with precision(step.context.device):
            fake_logits = step.fake_logits
            real_logits = step.real_logits if self.loss.generator_needs_real else None
        return self.loss.generator(fake_logits, real_logits)

    def nothing(self, device: torch.device) -> dict[str, Tensor]:
        """0 for each term, in the usual order: what a player reports that does not move."""
        of_d, of_g = ([trick.name for trick in self.terms[player]] for player in ("discriminator", "generator"))
        names = ("loss_d", *of_d, "d_real", "d_fake", "d_accuracy", "loss_g", *of_g)
        return dict.fromkeys(names, torch.zeros((), device=device))

    def _hold(self, still: bool) -> None:
        """Let the discriminator's weights take no gradient, or take one again, but for those that are frozen."""
        for parameter in self._trained:
            parameter.requires_grad_(not still)

    @torch.no_grad()
    def logits_of(self, real: Tensor, context: StepContext, condition: Condition) -> Tensor:
        """Logits of reals as the discriminator sees them, without side effects: no gradients, no running statistics."""
        discriminator = self.networks.discriminator
        training = discriminator.training
        discriminator.eval()
        real = self._seen(real, View("discriminator", True, context))
        condition = rows(condition, slice(len(real)))
        with precision(context.device):
            logits: Tensor = discriminator(real, None, condition)
        discriminator.train(training)
        return logits.float()

    def _opponent(self, player: Player, context: StepContext) -> nn.Module:
        opponent = self.networks.of("generator" if player == "discriminator" else "discriminator")
        for trick in self.at("opponent"):
            opponent = trick.opponent(opponent, player, context)
        return opponent

    def _generate(
        self, generator: nn.Module, context: StepContext, count: int, player: Player, condition: Condition
    ) -> Tensor:
        latent = draw_latents(context, (count, int(generator.latent)), self.prior, "latent", player)  # type: ignore[arg-type]
        fake: Tensor = generator(latent, condition)
        return fake.float()

    def _due(self, player: Player, context: StepContext) -> list[Term]:
        return [t for t in self.terms[player] if context.step % t.every == 0]

    def _step(
        self,
        player: Player,
        context: StepContext,
        draw_real: DrawReal,
        fake: Tensor,
        due: list[Term],
        condition: Condition,
    ) -> Step:
        """Every change to the discriminator's input is applied here, packing last."""
        seen = self._seen(fake, View(player, False, context))
        condition = rows(condition, slice(len(seen)))  # the samples of a pack share one
        network = self.networks.discriminator if player == "discriminator" else self._opponent(player, context)

        def discriminator(images: Tensor, features: list[Tensor] | None = None) -> Tensor:
            with precision(context.device):  # the same for losses and penalties
                logits: Tensor = network(images, features, condition)
            return logits

        players = Players(
            self.networks, network, self.optimizers, condition,
            discriminator_loss=lambda r, f: self.loss.discriminator(r, f, self._targets(context, len(r))),
            on_fakes=lambda f: self.loss.on_fakes(f, self._targets(context, len(f))),
        )  # fmt: skip
        needs = combined([t.needs for t in due])
        view = View(player, True, context)
        return Step(player, context, discriminator, lambda: self._seen(draw_real(), view), seen, needs, players)

    def _seen(self, images: Tensor, view: View) -> Tensor:
        """Images as the discriminator sees them."""
        for trick in self.at("discriminator_view"):
            images = trick.discriminator_view(images, view)
        return images

    def _targets(self, context: StepContext, logits: int) -> Targets:
        targets = Targets()
        for trick in self.at("targets"):
            targets = trick.targets(targets, View("discriminator", True, context, logits))
        return targets

    def _differentiate(self, player: Player, terms: dict[str, Tensor]) -> None:
        self.optimizers[player].zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        distributed.average_gradients(self.networks.of(player).parameters())

    def _move(self, player: Player, context: StepContext) -> None:
        self.optimizers[player].step()
        for trick in self.at(f"after_{player}_step"):
            getattr(trick, f"after_{player}_step")(self.networks, context)

    @staticmethod
    def _detached(terms: dict[str, Tensor], **logits: Tensor) -> dict[str, Tensor]:
        means = {name: value.detach().mean() for name, value in logits.items()}
        return {name: value.detach() for name, value in terms.items()} | means
