"""The game of two networks: one discriminator step, one generator step.

Read it side by side with the algorithm box of any GAN paper. Everything that differs between papers is a trick, called at a
fixed place; `stages/tricks/trick.py` lists all places.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from espalier.models import processes
from espalier.stages.contracts.condition import Condition, rows
from espalier.stages.process import distributed
from espalier.stages.process.device import precision, restore_layers, state_of_layers
from espalier.stages.tricks.catalogue import trick_key
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

    `prior`: distribution of the latents; `micro_batches`: passes that a batch takes. A condition has one entry per sample of a
    batch; fakes are generated for the conditions of the reals in the same batch.
    """

    def __init__(
        self,
        networks: Networks,
        loss: Loss,
        tricks: list[Trick],
        optimizers: dict[Player, torch.optim.Optimizer],
        prior: str = "normal",
        micro_batches: int = 1,
    ) -> None:
        self.networks, self.tricks, self.optimizers = networks, tricks, optimizers
        self.prior, self.micro_batches = prior, micro_batches
        self.held_out: Callable[[StepContext, int], tuple[Tensor, Condition]] | None = None
        self._places: dict[str, list[Any]] = {}
        self.rates = {player: [g["lr"] for g in o.param_groups] for player, o in optimizers.items()}
        self._betas = {player: [g.get("betas") for g in o.param_groups] for player, o in optimizers.items()}
        for trick in self.at("meet"):
            trick.meet({trick_key(other): other for other in tricks})
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
        for trick in self.at("advance"):
            trick.advance(context)
        for trick in self.at("before_step"):
            trick.before_step(self.networks, context)
        ramps, moments = self.at("learning_rate"), self.at("betas")
        for player, optimizer in self.optimizers.items() if ramps or moments else ():
            given = zip(optimizer.param_groups, self.rates[player], self._betas[player], strict=True)
            for group, rate, betas in given:
                for trick in ramps:
                    rate *= trick.learning_rate(player, context)
                group["lr"] = rate
                for trick in moments if betas else ():
                    betas = trick.betas(betas, context)
                    group["betas"] = betas

    def discriminator_step(self, context: StepContext, real: Tensor, condition: Condition = None) -> dict[str, Tensor]:
        """Train the discriminator on a batch of reals and equally many fakes. Returns each loss term, detached."""
        opponent, due = self._opponent("discriminator", context), self._due("discriminator", context)
        seen: list[tuple[Tensor, Tensor]] = []
        last: list[Step] = []

        def losses(part: slice) -> dict[str, Tensor]:
            reals, wanted = real[part], rows(condition, part)
            with torch.no_grad(), precision(context.device):
                fake = self._generate(opponent, context, len(reals), "discriminator", wanted)
            for trick in self.at("fakes"):
                fake = trick.fakes(fake, View("discriminator", False, context))
            step = self._step("discriminator", context, lambda: reals, fake, due, wanted)
            last[:] = [step]
            seen.append((step.real_logits.detach(), step.fake_logits.detach()))
            terms = {"loss_d": step.players.discriminator_loss(step.real_logits, step.fake_logits)}
            for trick in due:
                terms[trick.name] = trick.weight * trick.every * trick.discriminator_term(step)
            return terms

        terms = self._differentiate("discriminator", context.device, losses)
        logits = [torch.cat(parts) for parts in zip(*seen, strict=True)]
        for trick in self.at("observe"):
            trick.observe(last[0])
        if not self.simultaneous:
            self._move("discriminator", context)
        accuracy = pair_accuracy(*(processes.everyone(of) for of in logits))
        means = {"d_real": logits[0].mean(), "d_fake": logits[1].mean(), "d_accuracy": accuracy}
        return {**terms, **means, **self._logged(context.device)}

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
        due = self._due("generator", context)
        if not (adversarial or due):
            return {}
        reals = cache(draw_real)

        def losses(part: slice) -> dict[str, Tensor]:
            wanted = rows(condition, part)
            with precision(context.device):
                fake = self._generate(
                    self.networks.generator, context, count // self.micro_batches, "generator", wanted
                )
            step = self._step("generator", context, lambda: reals()[part], fake, due, wanted)
            terms = {"loss_g": self._adversarial_loss(step)} if adversarial else {}
            for trick in due:
                terms[trick.name] = trick.weight * trick.every * trick.generator_term(step)
            return terms

        self._hold(True)
        terms = self._differentiate("generator", context.device, losses)
        self._hold(False)
        if self.simultaneous:
            self._move("discriminator", context)
        self._move("generator", context)
        return terms

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
        return dict.fromkeys(names, torch.zeros((), device=device)) | self._logged(device)

    def _logged(self, device: torch.device) -> dict[str, Tensor]:
        """Numbers of the tricks' states, for the log."""
        return {
            name: torch.tensor(value, device=device)
            for trick in self.at("logged")
            for name, value in trick.logged().items()
        }

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

    def _held_out_logits(self, context: StepContext, count: int) -> Tensor:
        assert self.held_out is not None
        images, condition = self.held_out(context, count)
        return self.logits_of(images, context, condition)

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
            held_out_logits=lambda: self._held_out_logits(context, len(fake)),
        )  # fmt: skip
        needs = combined([t.needs for t in due])
        view = View(player, True, context)
        return Step(player, context, discriminator, lambda: self._seen(draw_real(), view), seen, needs, players)

    def _seen(self, images: Tensor, view: View) -> Tensor:
        """Images as the discriminator sees them."""
        with torch.autocast(images.device.type, enabled=False):  # it may be drawn within the discriminator's precision
            for trick in self.at("discriminator_view"):
                images = trick.discriminator_view(images, view)
        return images

    def _targets(self, context: StepContext, logits: int) -> Targets:
        targets = Targets()
        for trick in self.at("targets"):
            targets = trick.targets(targets, View("discriminator", True, context, logits))
        return targets

    def _differentiate(
        self, player: Player, device: torch.device, losses: Callable[[slice], dict[str, Tensor]]
    ) -> dict[str, Tensor]:
        """The gradients of a player's loss terms, over one micro-batch after another. Returns the terms, detached.

        Layers draw the same random numbers for the whole batch in each pass, and take their own.
        """
        self.optimizers[player].zero_grad(set_to_none=True)
        parts = self.micro_batches
        state = state_of_layers(device) if parts > 1 else None
        found: list[dict[str, Tensor]] = []
        for index in range(parts):
            if state is not None:
                restore_layers(state, device)
            with processes.part(index, parts):
                terms = losses(slice(index, None, parts))
                (torch.stack(list(terms.values())).sum() / parts).backward()  # type: ignore[no-untyped-call]
            found.append({name: value.detach() for name, value in terms.items()})
        distributed.average_gradients(self.networks.of(player).parameters())
        return {name: torch.stack([of[name] for of in found]).mean(dim=0) for name in found[0]}

    def _move(self, player: Player, context: StepContext) -> None:
        self.optimizers[player].step()
        for trick in self.at(f"after_{player}_step"):
            getattr(trick, f"after_{player}_step")(self.networks, context)
