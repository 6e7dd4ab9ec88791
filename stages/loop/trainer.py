"""The adversarial loop of every training stage.

It owns the networks, the optimisers, the averaged generator and the step counter, and refers to no trick, kind of data or
component by name. One iteration is: discriminator step(s), generator step, then each component in order.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from espalier.stages.artifacts.checkpoint import Checkpoint, Stateful, write_checkpoint
from espalier.stages.artifacts.record import Record
from espalier.stages.config.stage import StageConfig
from espalier.stages.contracts.component import Component, Terms
from espalier.stages.contracts.in_parts import Images
from espalier.stages.kinds.sampling import generated, latents
from espalier.stages.loop.game import Game
from espalier.stages.loop.inputs import Inputs
from espalier.stages.loop.interventions import NO_INTERVENTIONS, Interventions
from espalier.stages.monitor.monitor import Monitor
from espalier.stages.networks.build import build_optimizers
from espalier.stages.process import distributed
from espalier.stages.process.device import seed_layers
from espalier.stages.process.exits import NotFinite
from espalier.stages.process.meter import Meter
from espalier.stages.process.seeds import derive_seed
from espalier.stages.tricks.catalogue import trick_key
from espalier.stages.tricks.context import StepContext
from espalier.stages.tricks.parts import Networks
from espalier.stages.tricks.trick import implements


class Trainer:
    """Trains one stage in its work folder."""

    def __init__(
        self,
        config: StageConfig,
        networks: Networks,
        inputs: Inputs,
        folder: Path,
        device: torch.device,
        interventions: Interventions = NO_INTERVENTIONS,
    ) -> None:
        self.config, self.networks, self.folder, self.device = config, networks, folder, device
        self.drawn = folder  # of its sample sheets
        self.about = dict[str, Any]()  # what components add to the record
        self.store, self.batches, self.origin = inputs.store, inputs.batches, inputs.origin
        optimizers, tricks = build_optimizers(config, networks), deepcopy(list(config.tricks.others))
        self.game = Game(networks, config.tricks.loss, tricks, optimizers, config.network.prior, config.micro_batches)
        self.game.held_out = lambda now, count: self.batches.held_out_at(now.step, count)
        self.meter, self.monitor, self.interventions = Meter(), Monitor(), interventions
        self.step = self.images = self.before = 0
        self.codes, self.news = [self.origin.code], list[str]()
        self.fixed = self.latents(self.batches.kind.shown)
        # Reading a loss synchronises a GPU; on a CPU it is free, so a NaN stops training immediately.
        self.read_every = 1 if device.type == "cpu" else config.watch.log_steps

    def latents(self, count: int) -> Tensor:
        """Latents for sampling the generator; the same on every call."""
        network = self.config.network
        return latents(count, network.latent, self.config.seed, self.device, network.prior)

    def samples(self, latent: Tensor, averaged: bool = True) -> Tensor:
        """Samples of the averaged generator (or of the one being trained) for `latent`, in the kind's finished form."""
        return self.made(latent, averaged)[:]

    def made(self, latent: Tensor, averaged: bool = True) -> Images:
        """The same, in parts if they are large."""
        generator = self.networks.ema if averaged else self.networks.generator
        condition = self.batches.conditioning.examples(len(latent))
        return generated(generator, latent, condition, self.batches.kind)

    def sheet(self) -> Image.Image:
        """Sample sheet of the averaged generator for the fixed latents."""
        condition = self.batches.conditioning.examples(len(self.fixed))
        return self.batches.kind.sheet(self.samples(self.fixed), condition, self.batches.reals)

    @property
    def target(self) -> int:
        """Number of images the stage trains on."""
        return self.config.images

    @property
    def done(self) -> bool:
        """Whether training is complete."""
        return self.images >= self.target or self.interventions.stopped

    def context(self) -> StepContext:
        """Context of the current step."""
        config = self.config
        return StepContext(config.seed, config.name, self.step, self.images, config.batch_size, self.device)

    def iterate(self) -> Terms:
        """Run one iteration. Returns the mean of each loss term over all processes, on the device."""
        context, batch = self.context(), self.config.batch_size
        self.before = self.images
        # For stochastic layers, such as dropout, and the same in all processes; everything else has its own generator.
        seed_layers(derive_seed(self.config.seed, self.config.name, self.step, 0, "layers"), self.device)
        join, plays, turns = self.config.discriminator, self.config.plays, self.game.discriminator_steps(context)
        terms: Terms = {} if join.at_once else self.game.nothing(self.device)
        for turn in range(turns):
            now = replace(context, turn=turn, turns=turns, images=self.images)
            self.game.before_step(now)
            if plays and not join.fits(self.before):
                real, condition = self.batches.at(self.images, batch), self.batches.condition_at(self.images, batch)
                terms |= self.game.discriminator_step(now, real, condition)
            self.images += batch
        if not join.warms_up(self.before):
            place = context.step * batch, batch, "generator"
            count, condition = batch // distributed.world(), self.batches.condition_at(*place)
            adversarial = plays and not join.fits(self.before)
            now = replace(now, turn=0)
            terms |= self.game.generator_step(now, lambda: self.batches.at(*place), count, condition, adversarial)
        self.step += 1
        return distributed.averaged(terms)

    def train(self, components: Sequence[Component["Trainer"]]) -> None:
        """Train to the end; a component may stop it early.

        Raises:
            Interrupted: on request; a checkpoint is written.
            NotFinite: a loss or a weight is not finite; the last good checkpoint is kept.
        """
        for component in components:
            component.start(self)
        if self.origin.code not in self.codes:
            self.codes.append(self.origin.code)
        while not self.done:
            step, terms = self.step, self.iterate()
            self.meter.add(step, terms)
            for component in components:
                component.after_step(self, terms)
        self.checkpoint()

    def objects(self) -> dict[str, Stateful]:
        """Everything a checkpoint holds, by name."""
        tricks = {f"trick.{trick_key(t)}": t for t in self.game.tricks if implements(t, "state_dict")}
        optimizers = {f"optimizer.{player}": o for player, o in self.game.optimizers.items()}
        return {**self.networks.modules(), **optimizers, **tricks, "meter": self.meter, "monitor": self.monitor}

    def record(self, outcome: str) -> Record:
        """Record of the current weights."""
        now: dict[str, Any] = {
            "config": self.config.resolved(),
            "step": self.step,
            "images": self.images,
            "before": self.before,
            "code": "+".join(self.codes),
            "outcome": outcome,
            "verdict": self.monitor.verdict.word,
            "evidence": self.monitor.verdict.evidence,
            "events": self.interventions.events,
            "remedies": self.interventions.recorded(),
        }
        return self.origin.model_copy(update=now)

    def load(self, checkpoint: Checkpoint) -> None:
        """Restore the state of a checkpoint trained with the same options."""
        for name, thing in self.objects().items():
            thing.load_state_dict(checkpoint.state[name])
        self.stand_at(checkpoint.record)

    def stand_at(self, record: Record) -> None:
        """Set the counters from a record."""
        self.step, self.images, self.before = record.step, record.images, record.before
        self.codes = record.code.split("+")

    def check(self) -> None:
        """Check the losses so far: in all processes at the same step, with the same result.

        Raises:
            NotFinite: one was not finite; names the step and the terms.
        """
        self.meter.read()
        if self.meter.bad:
            raise NotFinite(self.meter.bad)

    def checkpoint(self) -> None:
        """Write a checkpoint.

        Raises:
            NotFinite: a loss or a weight is not finite. OSError: the disk is full. Earlier checkpoints are untouched.
        """
        self.check()
        bad = distributed.first(self.networks.not_finite())
        if bad:
            raise NotFinite(f"step {self.step}: the weight {bad} is not finite")
        if distributed.rank() == 0:
            write_checkpoint(self.folder, self.record("under way"), self.objects(), tables=self.folder)
        distributed.wait_for_all()
