"""What the monitor does in the loop: probe on its schedule, keep the best, end a training that is done, give up a sick one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from espalier.data.errors import InputError
from espalier.stages.artifacts.checkpoint import write_checkpoint
from espalier.stages.artifacts.history import History
from espalier.stages.artifacts.record import Event
from espalier.stages.features.local import load_features
from espalier.stages.kinds.grids import coloured
from espalier.stages.kinds.sampling import generate
from espalier.stages.loop.best import BEST
from espalier.stages.loop.game import told_apart
from espalier.stages.loop.rollback import Sick, next_remedy
from espalier.stages.monitor.probe import FEWEST, Probe
from espalier.stages.process import distributed
from espalier.stages.tricks.context import derive_seed

if TYPE_CHECKING:
    from espalier.stages.loop.trainer import Trainer


def begin_to_watch(trainer: Trainer) -> None:
    """Choose the reals that probes compare with; fewer than a few dozen say nothing, and nothing is said.

    Raises:
        InputError: the feature network is missing, or of other channels.
    """
    config, reals = trainer.config, trainer.reals
    options, makes = config.monitor, config.network.makes
    count = min(options.samples, len(reals) // 2)
    if count < FEWEST:
        return
    random = torch.Generator().manual_seed(derive_seed(config.seed, "probe"))
    chosen = np.sort(torch.randperm(len(reals), generator=random)[: 2 * count].numpy())
    shown = torch.from_numpy(np.array(reals[chosen]))[torch.randperm(2 * count, generator=random)]
    if makes != "points":
        shown = coloured(shown) if makes == "maps" else shown.permute(0, 3, 1, 2)
    features = load_features(options.features, trainer.device) if options.features and makes == "pictures" else None
    if features is not None and trainer.channels not in features.channels:
        raise InputError(
            f"{config.name}: monitor.features: {options.features} was trained on pictures of {features.channels[0]} channels, "
            f"the dataset {config.dataset} has {trainer.channels}; right would be a network trained on this dataset"
        )
    trainer.monitor.probe = Probe(shown, features, config.seed)


def watch(trainer: Trainer, said: dict[str, Tensor]) -> None:
    """After an iteration: probe, where it is time; keep the best; end or give up where the verdict says so.

    Raises:
        Sick: the verdict is one for which there may be a remedy.
    """
    monitor, config, networks = trainer.monitor, trainer.config, trainer.networks
    if monitor.probe is None:
        return
    monitor.note(trainer.step, said)
    if trainer.step % config.monitor.steps:
        return
    before, latent, kimg = monitor.verdict.word, trainer.latents(monitor.probe.count), trainer.images / 1000
    fakes = generate(networks.generator, latent, trainer.told(len(latent)), config.network.makes)
    overfit = _known_by_heart(trainer)
    kept = None if networks.ema is networks.generator else trainer.samples(latent)
    monitor.look(trainer.step, kimg, (networks.discriminator, networks.generator), fakes, kept, overfit)
    verdict = monitor.verdict
    if distributed.rank() == 0:
        History.write(trainer.folder / "monitor.csv", monitor.table())
        if verdict.word != before:
            trainer.news.append(f"{config.name} at {kimg:.4g} kimg: {verdict.word}: {verdict.evidence}")
    if config.heal is not None and monitor.confirmed:
        _give_up_or_go_on(trainer, Sick(verdict, trainer.step, trainer.images))
    if config.heal is not None or config.stop is not None:
        _keep_best(trainer)
    if config.stop is not None and monitor.done(config.stop):
        words = f"{verdict.word}: {verdict.evidence}; the best was at {monitor.best_kimg:.4g} kimg"
        stop = Event(step=trainer.step, images=trainer.images, kind="stop", words=words)
        trainer.healing = trainer.healing.and_then(stop)


def _give_up_or_go_on(trainer: Trainer, sick: Sick) -> None:
    """Raise it if there is a remedy; else say once that there is none."""
    remedy, refused = next_remedy(trainer.given, trainer.healing, sick)
    if remedy is not None:
        raise sick
    if not trainer.hopeless:
        trainer.news += [
            *refused,
            f"{trainer.config.name}: {sick.verdict.word}, and no remedy is left; training goes on as it is",
        ]
    trainer.hopeless = True


def _known_by_heart(trainer: Trainer) -> float:
    """How well the discriminator tells reals that it is trained on from those that are held out, of as many each."""
    batches, held_out = trainer.batches, trainer.batches.held_out
    count = (
        min(len(held_out), trainer.config.monitor.samples)
        // trainer.config.samples_a_logit
        * trainer.config.samples_a_logit
    )
    if count == 0:
        return math.nan
    seen = torch.Generator().manual_seed(derive_seed(trainer.config.seed, "known"))
    known = batches.trained_on[torch.randperm(len(batches.trained_on), generator=seen)[:count].numpy()]
    logits = []
    for chosen in (known, held_out[:count]):
        logits.append(trainer.game.judged(batches.of(chosen), trainer.moment(), batches.told_of(chosen)))
    return float(told_apart(*logits))


def _keep_best(trainer: Trainer) -> None:
    """Write the checkpoint to go back to, where this probe is the best for a while."""
    metric = trainer.config.stop.metric if trainer.config.stop else "quality"
    if trainer.monitor.note_best(metric) and distributed.rank() == 0:
        trainer.meter.read()
        write_checkpoint(trainer.folder / BEST, trainer.record("best"), trainer.objects(), keep=1)
