"""The adversarial loop of every training stage.

It owns the networks, the optimisers, the average and the step counter, and knows no trick by name. One iteration
is: discriminator step(s), generator step, then the clock (log, sample, milestone, checkpoint, leave).
"""

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from espalier.data.errors import InputError
from espalier.data.files import whole_folder
from espalier.data.store import Store
from espalier.models.fashiongan.told import Told
from espalier.stages.artifacts.artifact import (
    Artifact,
    milestone_name,
    parent_input,
    reads_input,
    start_input,
    write_weights,
)
from espalier.stages.artifacts.checkpoint import Checkpoint, Stateful, checkpoints_in, read_checkpoint, write_checkpoint
from espalier.stages.artifacts.history import History, Meter, TrainingFailed
from espalier.stages.artifacts.record import FORMAT, Input, Record, code_digest, library_versions
from espalier.stages.config.stage import StageConfig, trick_key
from espalier.stages.fashiongan.handover import outfits_of
from espalier.stages.fashiongan.networks import FashionShape
from espalier.stages.features.extractor import Extractor
from espalier.stages.kinds.batches import Batches
from espalier.stages.kinds.grids import grid, latents, save_picture
from espalier.stages.kinds.points import SHOWN, scatter
from espalier.stages.kinds.sampling import beside_maps, class_turns, generate
from espalier.stages.loop.best import forget_bests, set_best_aside
from espalier.stages.loop.evaluate import as_row, evaluate_now, extractor_of
from espalier.stages.loop.game import Game
from espalier.stages.loop.healing import NOTHING_DONE, Healing, healed
from espalier.stages.loop.rollback import carry_over, forget_after
from espalier.stages.loop.watch import begin_to_watch, watch
from espalier.stages.monitor.monitor import Monitor, gradient_norm
from espalier.stages.networks.build import build_networks, build_optimizers, grow
from espalier.stages.process import distributed
from espalier.stages.process.device import compile_generator, seed_layers
from espalier.stages.process.interruption import Interrupted, Interruption
from espalier.stages.process.progress import Bar
from espalier.stages.tricks.context import Moment, derive_seed
from espalier.stages.tricks.trick import implements

SAMPLES = 64
ASK_EVERY = 16
"""Steps between questions to the other processes."""


class Trainer:
    """One stage in training, in its work folder."""

    def __init__(
        self,
        config: StageConfig,
        store: Store,
        parent: Artifact | None,
        folder: Path,
        device: torch.device,
        healing: Healing = NOTHING_DONE,
    ) -> None:
        self.given, self.drawn = config, folder
        config = healed(config, healing.remedies).model_copy(deep=True)  # tricks have a state of this training
        self.config, self.folder, self.device, self.store = config, folder, device, store
        self.channels, self.classes = store.manifest.channels, len(store.manifest.classes)
        self.dataset = Input(path=config.dataset.as_posix(), digest=store.digest)
        self.parent, self.start, self.reads = parent_input(parent), start_input(config), reads_input(config, store)
        self.networks = build_networks(config, self.channels, device, self.classes)
        if parent is not None and config.grows:
            changed = bool(healing.remedies or parent.record.remedies)
            grow(self.networks, parent.weights("generator"), parent.weights("discriminator"), changed)
        optimizers = build_optimizers(config, self.networks)
        tricks = list(config.tricks.others)
        self.game = Game(self.networks, config.tricks.loss, tricks, optimizers, config.network.prior)
        compile_generator(self.networks.generator, device)
        self.outfits = outfits_of(config, store, parent, device)
        labels = store.labels() if config.needs_classes else None
        network = config.network
        real_logit = network.real_logit if isinstance(network, FashionShape) else 1.0
        self.batches = Batches(
            self.reals,
            config.seed,
            device,
            labels,
            config.samples_a_logit,
            self.outfits,
            real_logit,
            config.monitor.hold_out,
        )
        self.meter, self.monitor, self.healing = Meter(), Monitor(), healing
        self.step = self.images = self.before = 0
        self.codes, self.news = [code_digest()], list[str]()
        self.hopeless = False
        """Whether it was said that no remedy is left."""
        self.fixed = self.latents(SHOWN if network.makes == "points" else SAMPLES)
        # On a GPU reading a loss waits for all work under way; on a CPU it costs nothing, so a NaN stops at once.
        self.read_every = 1 if device.type == "cpu" else config.watch.log_steps

    @property
    def reals(self) -> NDArray[Any]:
        """The data: pictures uint8 (N, R, R, channels), maps uint8 (N, R, R), or points float32 (N, d)."""
        if self.config.resolution is None:
            return self.store.points()
        makes_maps = self.config.network.makes == "maps"
        return (self.store.maps if makes_maps else self.store.images)(self.config.resolution)

    def latents(self, count: int) -> Tensor:
        """Latents for looking at the generator, the same whenever they are asked for."""
        network = self.config.network
        return latents(count, network.latent, self.config.seed, self.device, network.prior)

    def samples(self, latent: Tensor) -> Tensor:
        """What the averaged generator makes of latents: pictures uint8 (N, channels, R, R), maps coloured, or points (N, d).

        Classes, or pictures whose sentences and maps it is told, take turns.
        """
        return generate(self.networks.ema, latent, self.told(len(latent)), self.config.network.makes)

    def told(self, count: int) -> Tensor | Told | None:
        """What networks are told when `count` samples are looked at."""
        if self.outfits is not None:
            return self.outfits.turns(count)
        return class_turns(self.classes, count, self.device) if self.config.needs_classes else None

    @property
    def target(self) -> int:
        """Images until the stage is done."""
        return round(self.config.kimg * 1000)

    @property
    def done(self) -> bool:
        """Whether there is nothing left to train."""
        return self.images >= self.target or self.healing.stopped

    def moment(self) -> Moment:
        """Where training is."""
        return Moment(self.config.seed, self.config.name, self.step, self.images, self.config.batch_size, self.device)

    def iterate(self) -> dict[str, Tensor]:
        """One iteration. Returns each loss term, on the device."""
        moment, batch = self.moment(), self.config.batch_size
        self.before = self.images
        # For layers that draw, such as dropout: everything else has generators of its own.
        seed = derive_seed(self.config.seed, self.config.name, self.step, distributed.rank(), "layers")
        seed_layers(seed, self.device)
        self.game.before_step(moment)
        said: dict[str, Tensor] = {}
        for turn in range(self.game.discriminator_steps(moment)):
            real, told = self.batches.at(self.images, batch), self.batches.told_at(self.images, batch)
            said |= self.game.discriminator_step(replace(moment, turn=turn), real, told)
            self.images += batch
        place = moment.step * batch, batch, "generator"
        count, told = batch // distributed.world(), self.batches.told_at(*place)
        said |= self.game.generator_step(moment, lambda: self.batches.at(*place), count, told)
        self.step += 1
        return said

    # Checkpoints.

    def objects(self) -> dict[str, Stateful]:
        """Everything a checkpoint holds, by name."""
        tricks = {f"trick.{trick_key(t)}": t for t in self.game.tricks if implements(t, "state_dict")}
        optimizers = {f"optimizer.{player}": o for player, o in self.game.optimizers.items()}
        return {**self.networks.modules(), **optimizers, **tricks, "meter": self.meter, "monitor": self.monitor}

    def record(self, outcome: str) -> Record:
        """What is known of the weights as they are now."""
        return Record(
            format=FORMAT,
            config=self.config.resolved(),
            channels=self.channels,
            classes=self.classes if self.config.needs_classes else 0,
            step=self.step,
            images=self.images,
            before=self.before,
            dataset=self.dataset,
            parent=self.parent,
            start=self.start,
            reads=self.reads,
            code="+".join(self.codes),
            versions=library_versions(),
            outcome=outcome,
            verdict=self.monitor.verdict.word,
            evidence=self.monitor.verdict.evidence,
            events=self.healing.events,
            remedies=self.healing.recorded(),
        )

    def resume(self) -> str | None:
        """Continue from the newest good checkpoint of the work folder. Returns a sentence, if there was one.

        A damaged checkpoint is set aside and the one before it taken.
        """
        said = []
        for _, path in checkpoints_in(self.folder):
            try:
                checkpoint = read_checkpoint(path)
            except InputError as error:
                path.rename(path.with_suffix(".damaged"))
                said.append(f"{error}; falling back to the checkpoint before it")
                continue
            if checkpoint.record.before < self.target:
                self._load(checkpoint)
                said.append(f"continuing at step {self.step} ({self.images / 1000:.1f} kimg)")
                if code_digest() not in self.codes:
                    said.append(f"the code differs from the checkpoint's; to train anew instead, remove {self.folder}")
                break
        if self.step == 0 and distributed.rank() == 0:
            forget_bests(self.folder)
        if self.step == 0 and self.config.start is not None:
            self._start_from(read_checkpoint(self.config.start))
            said.append(f"starting from {self.config.start} at step {self.step} ({self.images / 1000:.1f} kimg)")
        newest = max([self.step, *(step for step, _ in checkpoints_in(self.folder))])
        self._open_histories(newest)
        return "\n".join(said) or None

    def _open_histories(self, step: int) -> None:
        """What was written of this training, up to a step."""
        self.history = History(self.folder / "history.csv")
        self.evaluations = History(self.folder / "evaluations.csv")
        for rows in (self.history, self.evaluations) if distributed.rank() == 0 else ():
            rows.cut(step)

    def _load(self, checkpoint: Checkpoint) -> None:
        for name, thing in self.objects().items():
            if name != "monitor" or name in checkpoint.state:  # there was none in older versions
                thing.load_state_dict(checkpoint.state[name])
        self._stand_at(checkpoint.record)

    def _stand_at(self, record: Record) -> None:
        self.step, self.images, self.before = record.step, record.images, record.before
        self.codes = record.code.split("+")

    def _start_from(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint of this stage that may have been trained with other options.

        Raises:
            InputError: it is of another stage or of other networks, or lies beyond the stage's end.
        """
        config, record = self.config, checkpoint.record
        if record.config["resolution"] != config.resolution or record.images >= self.target:
            raise InputError(
                f"{config.start} was trained at resolution {record.config['resolution']} for {record.images / 1000:g} kimg, "
                f"and cannot be gone on from at resolution {config.resolution} to {config.kimg:g} kimg"
            )
        for name, thing in self.objects().items():
            if name not in checkpoint.state:  # a trick that is new, and begins here
                if name == "ema":
                    thing.load_state_dict(checkpoint.state["generator"])
                continue
            try:
                thing.load_state_dict(checkpoint.state[name])
            except (RuntimeError, ValueError) as error:
                raise InputError(f"{config.start} does not fit this stage's {name}: {error}") from error
        for optimizer in self.game.optimizers.values():
            for group in optimizer.param_groups:
                group.update(optimizer.defaults)  # as configured now, not as the checkpoint's were
        self._stand_at(record)

    def go_back(self, checkpoint: Checkpoint | None) -> list[str]:
        """Go on from a checkpoint that was trained with other options, or from the start. Returns what begins anew."""
        said = []
        distributed.wait_for_all()  # until all have read what is moved now
        if checkpoint is None and distributed.rank() == 0:
            set_best_aside(self.folder)
        if checkpoint is None and self.config.start is not None:
            checkpoint = read_checkpoint(self.config.start)
        if checkpoint is not None:
            said = carry_over(self.networks, self.game.optimizers, checkpoint.state)
            for name, thing in self.objects().items():
                if name.startswith("trick.") and name in checkpoint.state:
                    thing.load_state_dict(checkpoint.state[name])
            if "monitor" in checkpoint.state:  # there was none in older versions
                self.monitor.load_state_dict(checkpoint.state["monitor"])
            self._stand_at(checkpoint.record)
        if distributed.rank() == 0:
            forget_after(self.folder, self.step)
        self._open_histories(self.step)
        self.checkpoint()
        return said

    def checkpoint(self) -> None:
        """Write a checkpoint.

        Raises:
            TrainingFailed: a weight is not finite; nothing is written.
            OSError: the disk is full; the checkpoints before are untouched.
        """
        self.meter.read()
        for name, module in self.networks.modules().items():
            for key, value in module.state_dict().items():
                if not torch.isfinite(value).all():
                    raise TrainingFailed(f"step {self.step}: the weight {name}.{key} is not finite")
        if distributed.rank() == 0:
            write_checkpoint(self.folder, self.record("under way"), self.objects())
        distributed.wait_for_all()

    # The loop.

    def train(self, bar: Bar, interruption: Interruption) -> None:
        """Train to the end.

        Raises:
            Interrupted: on request; a checkpoint is written.
            TrainingFailed: a loss or a weight is not finite; the last good checkpoint is kept.
        """
        saved = time.monotonic()
        begin_to_watch(self)
        extractor = extractor_of(self)
        if code_digest() not in self.codes:
            self.codes.append(code_digest())
        while not self.done:
            step, said = self.step, self.iterate()
            self.meter.add(step, said)
            watch(self, said)
            try:
                self._log(bar)
            except BrokenPipeError:
                interruption.note_broken_pipe()
            self._sample()
            self._evaluate(extractor)
            if self._any_process(interruption.wanted()):
                self.checkpoint()
                why, code = interruption.reason()
                raise Interrupted(f"{why} at step {self.step}; a checkpoint is written", code)
            if self._any_process(time.monotonic() - saved >= self.config.watch.checkpoint_seconds):
                self.checkpoint()
                saved = time.monotonic()
        self.checkpoint()

    def _any_process(self, flag: bool) -> bool:
        """Whether any process says yes. Several ask each other now and then only, since each must wait for all."""
        if distributed.world() > 1 and self.step % ASK_EVERY:
            return False
        return distributed.any_process(flag, self.device)

    @property
    def last(self) -> int:
        """The last step that was trained, which is beyond the one that is published where that is the best."""
        return max([self.step, *(event.step for event in self.healing.events if event.kind in ("stop", "kept"))])

    def stand_in_for(self, end: "Trainer", best: Checkpoint, drawn: Path) -> None:
        """Be what is published of a training that was better before its end: the best, with all that was seen until the end, and
        with samples and milestones of the folder `drawn`."""
        self._load(best)
        self.drawn = drawn
        verdict = end.monitor.verdict if end.healing.stopped else self.monitor.verdict  # not of what is not published
        self.codes, self.monitor, self.history, self.evaluations = end.codes, end.monitor, end.history, end.evaluations
        self.monitor.verdict = verdict

    def _log(self, bar: Bar) -> None:
        due = self.step == 1 or self.step % self.config.watch.log_steps == 0
        if self.step % self.read_every == 0 or due:
            self.meter.read()
        for sentence in self.news:
            bar.say(sentence)
        self.news.clear()
        if bar.due():
            means = self.meter.read()
            bar.show(
                self.images,
                f"{self.images / 1000:.1f} kimg  step {self.step}  {self.monitor.verdict.word}  {self.fade_text()}"
                f"D {means.get('loss_d', math.nan):+.2f}  G {means.get('loss_g', math.nan):+.2f}",
            )
        if due:
            gradients = {f"grad_{name[0]}": gradient_norm(self.networks.of(name)) for name in self.game.optimizers}
            row = {"step": self.step, "kimg": self.images / 1000, "alpha": self.alpha, **self.meter.read(), **gradients}
            self.meter.restart()
            if distributed.rank() == 0:
                self.history.add(row)

    @property
    def alpha(self) -> float:
        """Weight of the newest block."""
        return float(getattr(self.networks.generator, "alpha", 1.0))

    def fade_text(self) -> str:
        """The fade for the progress line, empty when it is over."""
        return f"fade {self.alpha:.2f}  " if self.alpha < 1 else ""

    def _sample(self) -> None:
        """Sample grids and milestones, where this iteration passed their time."""
        if distributed.rank() != 0:
            return
        every = self.config.watch.sample_kimg * 1000
        if self.before // every != self.images // every or self.before == 0:
            save_picture(self.grid(), self.folder / "samples" / f"kimg-{self.images / 1000:010.3f}.png")
        each = self.config.milestone_kimg
        if each and self.before // (each * 1000) != self.images // (each * 1000):
            reached = self.images // (each * 1000) * each
            with whole_folder(self.folder / "milestones" / milestone_name(reached)) as folder:
                write_weights(folder, self.record("milestone"), self.networks)
                self.meter.read()
                write_checkpoint(folder, self.record("milestone"), self.objects())

    def _evaluate(self, extractor: Extractor | None) -> None:
        """Figures of the averaged generator, where this iteration passed their time."""
        options = self.config.evaluate
        if extractor is None or options is None or options.every_kimg is None or distributed.rank() != 0:
            return
        if self.before // (options.every_kimg * 1000) != self.images // (options.every_kimg * 1000):
            found = evaluate_now(self, extractor)
            self.evaluations.add(as_row(found, self))
            shown = "  ".join(f"{name} {value:.4g}" for name, value in list(found.figures.items())[:4])
            self.news.append(f"{self.config.name} at {self.images / 1000:.4g} kimg: {shown}")

    def grid(self) -> Any:
        """What the averaged generator makes of the fixed latents, drawn."""
        samples = self.samples(self.fixed)
        if self.config.network.makes == "points":
            return scatter(samples, self.reals)
        told = self.told(len(samples))
        return beside_maps(told, samples) if isinstance(told, Told) else grid(samples)
