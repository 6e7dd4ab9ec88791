"""Training: inputs → trainer and components → publish."""

import json
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from espalier.data.errors import InputError
from espalier.data.files import file_digest, whole_file, write_json
from espalier.data.store import Store
from espalier.stages.artifacts.artifact import Artifact, load_generator, milestone_name, parent_input, start_input
from espalier.stages.artifacts.record import Event, Input
from espalier.stages.artifacts.work_key import work_key
from espalier.stages.artifacts.workfolder import FAILED, SECTION, hold, note_seconds, work_folder
from espalier.stages.config.code import stage_digest
from espalier.stages.config.components import COMPONENTS
from espalier.stages.config.load import stage_config
from espalier.stages.config.params import PARAMS
from espalier.stages.config.remedies import with_remedies
from espalier.stages.config.stage import StageConfig
from espalier.stages.config.started import section_of
from espalier.stages.contracts.component import Metrics
from espalier.stages.contracts.stage_type import StageType
from espalier.stages.kinds.sampling import latents
from espalier.stages.loop.checkpoints import Checkpoints
from espalier.stages.loop.inputs import Inputs
from espalier.stages.loop.interventions import NO_INTERVENTIONS, Interventions, interventions_of
from espalier.stages.loop.keep_best import kept_words, to_publish
from espalier.stages.loop.log import Log
from espalier.stages.loop.own_component import OwnComponent
from espalier.stages.loop.profile import profile
from espalier.stages.loop.publish import publish
from espalier.stages.loop.resume import Components, go_back, resume, set_finished_aside
from espalier.stages.loop.rollback import Sick, interventions_in, next_remedy, rolled_back, way_back
from espalier.stages.loop.snapshots import Snapshots
from espalier.stages.loop.steps import iterations
from espalier.stages.loop.trainer import Trainer
from espalier.stages.loop.watch import Watch
from espalier.stages.monitor.verdict import Verdict
from espalier.stages.networks.build import build_networks, grow
from espalier.stages.networks.freezing import freeze
from espalier.stages.networks.handing_over import check_image, check_layers, check_names, differing_tricks
from espalier.stages.networks.shapes import check_shapes
from espalier.stages.process import distributed
from espalier.stages.process.as_one import as_one
from espalier.stages.process.device import choose_device
from espalier.stages.process.exits import NotFinite, TrainingFailed
from espalier.stages.process.interruption import Interrupted, Interruption
from espalier.stages.process.progress import Bar, clock
from espalier.stages.process.torchrun import is_launched, launch
from espalier.stages.tricks.fade import Fade
from espalier.stages.tricks.parts import Networks
from espalier.stages.types.inputs import (
    check_inputs,
    encoder_input,
    find_inputs,
    inputs_of,
    inputs_or_made_up,
    warnings_on,
)

Make = Callable[[Interventions], Trainer]


class Train(StageType):
    """The stage type."""

    def __init__(self, params: dict[str, Any], pipeline: str, stage: str) -> None:
        self.config = stage_config(params, pipeline, stage)
        self._place = (params, pipeline, stage)

    @cached_property
    def code(self) -> str:
        """The digest of the stage's code: a second of reading files, so only for a training."""
        return stage_digest(*self._place)

    def profile(self) -> None:
        """Run a few steps and print their cost."""
        device = choose_device()
        config, inputs, prepared = inputs_or_made_up(self.config, device)
        cost = profile(lambda: trainer_of(config, inputs, None, Path("/nonexistent"), device))
        print(json.dumps({**cost, "prepared": prepared}))

    def run(self) -> int:
        """Train and publish. Returns the exit code of the worker processes, if there are several."""
        config = self.config
        if config.processes > 1 and not is_launched():
            check_inputs(config, *find_inputs(config))
            return launch(config.processes, "espalier.stages.run", config.pipeline, config.stage)
        device = choose_device()
        with as_one(device):
            self._train(device)
        return 0

    def _train(self, device: torch.device) -> None:
        config = self.config
        if config.batch_size % distributed.world():
            raise InputError(f"batch_size {config.batch_size} is not divisible by {distributed.world()} processes")
        store, parent = find_inputs(config)
        check_inputs(config, store, parent)
        folder = training_folder(config, store, parent)
        inputs = inputs_of(config, store, parent, device, self.code)

        def make(done: Interventions) -> Trainer:
            return trainer_of(config, inputs, parent, folder, device, done)

        if distributed.rank() > 0:
            distributed.wait_for_all()  # until rank 0 has moved aside a run finished by other code
            train_to_the_end(config, make, folder)
        else:
            with hold(folder / "lock", config.name):
                self._begin(folder)
                metrics = publish_end(*train_to_the_end(config, make, folder), make, config.artifact)
            print(f"{config.name} is done: {config.artifact}  " + "  ".join(f"{k} {v:g}" for k, v in metrics.items()))

    def _begin(self, folder: Path) -> None:
        """Write what `espalier status` compares into the work folder, and move aside a run finished by other code."""
        said = set_finished_aside(folder, self.config.images, self.code)
        if said:
            print(said, flush=True)
        section: dict[str, Any] = {
            "section": section_of(*self._place),
            "steps": iterations(self.config),
            "kimg": self.config.kimg,
        }
        inputs = {file.as_posix(): file_digest(file) for file in _input_files(self.config)}
        write_json(folder / SECTION, {**section, "inputs": inputs})
        distributed.wait_for_all()


def _input_files(config: StageConfig) -> list[Path]:
    """The files that identify the dataset and the parent."""
    parent = config.after if config.at is None else config.after / "milestones" / milestone_name(config.at)
    return [config.dataset / "manifest.json", *([parent / "stage.json"] if config.has_parent else [])]


def training_folder(config: StageConfig, store: Store, parent: Artifact | None) -> Path:
    """The work folder of a stage with these inputs.

    Raises:
        InputError: the checkpoint to continue from is missing.
    """
    dataset = Input(path=config.dataset.as_posix(), digest=store.digest)
    key = work_key(config, dataset, parent_input(parent), start_input(config), encoder_input(config, store))
    return work_folder(config.name, key)


def trainer_of(
    config: StageConfig,
    inputs: Inputs,
    parent: Artifact | None,
    folder: Path,
    device: torch.device,
    done: Interventions = NO_INTERVENTIONS,
) -> Trainer:
    """A trainer at step 0, with the parent's weights if the stage takes them over."""
    config = with_remedies(config, done.remedies).model_copy(deep=True)  # tricks hold the state of this run
    classes, shape = len(inputs.store.manifest.classes), inputs.origin.shape
    networks = build_networks(config, inputs.origin.channels, device, classes, shape)
    inherited: dict[str, set[str]] = {}
    if "." in config.network.name and config.samples_per_logit == 1:
        chosen = np.arange(2)
        latent = latents(len(chosen), config.network.latent, config.seed, device, config.network.prior)
        check_shapes(
            config.network.name, networks, latent, inputs.batches.of(chosen), inputs.batches.condition_of(chosen)
        )
    if parent is not None and config.takes_over:
        inherited = _take_over(config, networks, inputs, parent, bool(done.remedies or parent.record.remedies))
    if config.freeze:
        freeze(networks, config.freeze, inherited, f"{PARAMS}: {config.pipeline}.stages.{config.stage}.freeze")
    return Trainer(config, networks, inputs, folder, device, done)


def _take_over(
    config: StageConfig, networks: Networks, inputs: Inputs, parent: Artifact, changed: bool
) -> dict[str, set[str]]:
    """Take over the parent's weights. Returns the names of those tensors, by player.

    Raises:
        InputError: the stage would not go on where its parent ended; names the tricks that differ.
    """
    weights = {player: parent.weights(player) for player in ("generator", "discriminator")}
    if changed:  # a remedy has changed the networks, and what fits is taken over
        return grow(networks, weights["generator"], weights["discriminator"], changed)
    differ = differing_tricks(config.tricks.resolved(), parent.config.tricks.resolved())
    for player, module in (("generator", networks.generator), ("discriminator", networks.discriminator)):
        check_layers(module.state_dict(), weights[player], player, differ)
        if config.transfer:
            check_names(module.state_dict(), weights[player], player, differ)
    fades = [trick for trick in parent.config.tricks.others if isinstance(trick, Fade) and parent.config.grows]
    if config.transfer and any(fade.alpha(parent.record.images) < 1 for fade in fades):
        raise InputError(
            f"the parent {parent.path} ended in the middle of its fade, which transfer cannot go on with; take a later one"
        )
    inherited = grow(networks, weights["generator"], weights["discriminator"])
    if (
        config.grows
        and any(trick.name == "fade" for trick in config.tricks.others)
        and hasattr(networks.generator, "alpha")
    ):
        device = next(networks.generator.parameters()).device
        before, _ = load_generator(parent.path, device)
        latent = latents(2, config.network.latent, config.seed, device, config.network.prior)
        check_image(networks, before, latent, inputs.batches.conditioning.examples(2), differ)
    return inherited


def components(config: StageConfig, trainer: Trainer, bar: Bar, interruption: Interruption) -> Components:
    """The components of the training loop, in order."""
    found: list[Any] = [Watch(config), Log(bar), Snapshots()]
    for name, options in config.component_options.items():
        component = COMPONENTS.find(name)(options)
        found.append(component if name in COMPONENTS else OwnComponent(name, component))
    return [*found, Checkpoints(interruption)]


def train_to_the_end(config: StageConfig, make: Make, folder: Path) -> tuple[Trainer, Components]:
    """Train to the end, rolling back with remedies if configured. Returns the trainer at the end."""
    may_be_healed = config.heal is not None or config.stop is not None  # otherwise there are no interventions to read
    trainer = make(interventions_in(folder, config.images) if may_be_healed else NO_INTERVENTIONS)
    interruption = Interruption()
    bar = Bar(config.name, trainer.target, silent=distributed.rank() > 0)
    beside = components(config, trainer, bar, interruption)
    said = resume(trainer, beside) if distributed.rank() == 0 else None
    distributed.wait_for_all()  # until rank 0 has set damaged checkpoints aside
    if distributed.rank() > 0:
        resume(trainer, beside)
    if distributed.rank() == 0:
        for sentence in (*config.warnings, *warnings_on(config, trainer.store)):
            print(f"warning: {PARAMS}: {config.pipeline}.{config.stage}: {sentence}", flush=True)
    if said:
        print(said, flush=True)
    while not trainer.done:
        try:
            _train(config, trainer, beside, bar, interruption)
        except Sick as sick:
            trainer = _roll_back(config, trainer, sick, make, beside)
    return trainer, beside


def publish_end(trainer: Trainer, beside: Components, make: Make, artifact: Path) -> Metrics:
    """Publish the end of a run, or an earlier checkpoint if it was better."""
    done, quality = trainer.interventions, trainer.monitor.quality
    found = to_publish(trainer.folder, done, quality)
    last = max([trainer.step, *(event.step for event in done.events if event.kind in ("stop", "kept"))])
    if found is None:
        return publish(trainer, beside, artifact, last)
    best, drawn = found
    events = done.events
    if not done.stopped:
        words = kept_words(best, done, quality)
        events = (
            *events,
            Event(step=trainer.step, images=trainer.images, kind="kept", to=best.record.step, words=words),
        )
        print(f"{trainer.config.name}: {words}", flush=True)
    chosen = make(Interventions(interventions_of(best.record).remedies, events))
    chosen.load(best)
    chosen.drawn = drawn
    verdict = (trainer if done.stopped else chosen).monitor.verdict  # unless stopped, at what is published
    changes = {"code": "+".join(trainer.codes), "verdict": verdict.word, "evidence": verdict.evidence}
    return publish(chosen, beside, artifact, last, changes)


def _roll_back(config: StageConfig, trainer: Trainer, sick: Sick, make: Make, beside: Components) -> Trainer:
    """A trainer at the best checkpoint, with the next remedy applied.

    Raises:
        TrainingFailed: no remedy is left and values are not finite; runs that can continue are not stopped.
    """
    remedy, refused = next_remedy(config, trainer.interventions, sick)
    if remedy is None:
        raise _failure(config.name, sick.verdict.evidence, trainer.folder)
    best = way_back(trainer.folder, trainer.interventions)
    done = rolled_back(trainer.interventions, sick, remedy, best)
    trainer = make(done)
    lines = [f"{config.name} at {sick.images / 1000:.4g} kimg: {sick.verdict.word}: {sick.verdict.evidence}", *refused]
    lines += [done.events[-1].words, *go_back(trainer, best, beside)]
    if distributed.rank() == 0:
        print("\n".join(lines), flush=True)
    return trainer


def _failure(name: str, why: str, folder: Path) -> TrainingFailed:
    """The error for a run that cannot continue. It is recorded in the work folder until the next attempt."""
    if distributed.rank() == 0:
        with whole_file(folder / FAILED) as partial:
            partial.write_text(why + "\n", encoding="utf-8")
    return TrainingFailed(
        f"{name}, {why}. The last good checkpoint is kept in {folder}; continuing from it unchanged would fail again. Lower the "
        "learning rate or strengthen the penalty in params.yaml, or roll back automatically with heal: true"
    )


def _train(config: StageConfig, trainer: Trainer, beside: Components, bar: Bar, interruption: Interruption) -> None:
    """Train until the end, an interruption or a failing verdict."""
    begun = time.monotonic()
    if distributed.rank() == 0:
        (trainer.folder / FAILED).unlink(missing_ok=True)
    bar.restart(trainer.images)
    try:
        with interruption, bar:
            trainer.train(beside)
    except Interrupted as stop:
        again = f"python -m espalier.stages.run {config.pipeline} {config.stage}' or 'dvc repro"
        said = f"{config.name} was {stop}. To continue: '{again}'" if distributed.rank() == 0 else ""
        raise Interrupted(said, stop.code) from None
    except NotFinite as error:
        if config.heal is not None:
            raise Sick(Verdict("diverged", str(error)), trainer.step, trainer.images) from None
        raise _failure(config.name, str(error), trainer.folder) from None
    finally:
        if distributed.rank() == 0:
            note_seconds(trainer.folder, time.monotonic() - begun)
    rate = bar.rate(trainer.images)
    if distributed.rank() == 0:
        print(f"{config.name} trained for {clock(time.monotonic() - begun)} at {rate:.0f} img/s", flush=True)
