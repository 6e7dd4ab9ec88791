"""The monitor in the loop: probe on schedule, keep the best checkpoint, stop early, and give up failing runs."""

import math
from pathlib import Path

import numpy as np
import torch

from espalier.data.errors import InputError
from espalier.stages.artifacts.checkpoint import write_checkpoint
from espalier.stages.artifacts.history import History
from espalier.stages.artifacts.record import Event
from espalier.stages.config.stage import StageConfig
from espalier.stages.contracts.component import Component, Metrics, Terms
from espalier.stages.features.load import load_extractor
from espalier.stages.loop.curves import PROBED, write_curves
from espalier.stages.loop.game import pair_accuracy
from espalier.stages.loop.keep_best import BEST
from espalier.stages.loop.rollback import Sick, next_remedy
from espalier.stages.loop.trainer import Trainer
from espalier.stages.monitor.probe import FEWEST, Probe
from espalier.stages.process import distributed
from espalier.stages.process.seeds import derive_seed

FILE = "monitor.csv"


class Watch(Component[Trainer]):
    """The only component that may stop training. `given`: the stage's configuration before any remedy."""

    def __init__(self, given: StageConfig) -> None:
        self.given = given

    def cut(self, run: Trainer, step: int) -> None:
        if distributed.rank() == 0:
            History.write(run.folder / FILE, run.monitor.table())
            self.history = History(run.folder / FILE)

    def start(self, run: Trainer) -> None:
        """Choose the reals that probes compare with. With fewer than a few dozen, there are no probes.

        Raises:
            InputError: the feature network is missing, or takes other channels.
        """
        self._hopeless = False
        config, reals, kind = run.config, run.batches.reals, run.batches.kind
        options = config.monitor
        count = min(options.samples, len(reals) // 2)
        if count < FEWEST:
            return
        random = torch.Generator().manual_seed(derive_seed(config.seed, "probe"))
        chosen = np.sort(torch.randperm(len(reals), generator=random)[: 2 * count].numpy())
        shown = run.batches.finished(chosen[torch.randperm(2 * count, generator=random).numpy()])
        features = load_extractor(options.features, run.device) if options.features and kind.name == "images" else None
        if features is not None and run.origin.channels not in features.channels:
            raise InputError(
                f"{config.name}: monitor.features: {options.features} takes images of {features.channels[0]} channels, "
                f"the dataset {config.dataset} has {run.origin.channels}; use a network that was trained on this dataset"
            )
        run.monitor.probe = Probe(shown, features, config.seed)

    def after_step(self, run: Trainer, terms: Terms) -> None:
        """Probe when due; keep the best checkpoint; stop or give up according to the verdict.

        Raises:
            Sick: the run is failing and a remedy is available.
        """
        monitor, config, networks = run.monitor, run.config, run.networks
        if monitor.probe is None:
            return
        join = config.discriminator
        if not config.plays or join.fits(run.before) or join.warms_up(run.before):
            return  # until both players train, there is no game to diagnose
        monitor.note(run.step, terms)
        if run.step % config.monitor.steps:
            return
        before, latent, kimg = monitor.verdict.word, run.latents(monitor.probe.count), run.images / 1000
        fakes = run.made(latent, averaged=False)
        overfit = _known_by_heart(run)
        averaged = None if networks.ema is networks.generator else run.made(latent)
        monitor.look(run.step, kimg, (networks.discriminator, networks.generator), fakes, averaged, overfit)
        verdict = monitor.verdict
        if distributed.rank() == 0:
            self.history.add(monitor.latest())
            if verdict.word != before:
                run.news.append(f"{config.name} at {kimg:.4g} kimg: {verdict.word}: {verdict.evidence}")
        if config.heal is not None and monitor.confirmed:
            self._give_up_or_go_on(run, Sick(verdict, run.step, run.images))
        if config.heal is not None or config.stop is not None:
            _keep_best(run)
        if config.stop is not None and monitor.done(config.stop):
            words = f"{verdict.word}: {verdict.evidence}; the best was at {monitor.best_kimg:.4g} kimg"
            stop = Event(step=run.step, images=run.images, kind="stop", words=words)
            run.interventions = run.interventions.and_then(stop)

    def _give_up_or_go_on(self, run: Trainer, sick: Sick) -> None:
        """Raise `sick` if a remedy is left; otherwise report once that there is none."""
        remedy, refused = next_remedy(self.given, run.interventions, sick)
        if remedy is not None:
            raise sick
        if not self._hopeless:
            run.news += [
                *refused,
                f"{run.config.name}: {sick.verdict.word}, and no remedy is left; training continues unchanged",
            ]
        self._hopeless = True

    def publish(self, run: Trainer, folder: Path, until: int) -> Metrics:
        History.write(folder / FILE, self.history.rows)
        write_curves([_as_curves(probe) for probe in self.history.rows], folder / "curves")
        return {}


def _as_curves(probe: dict[str, str]) -> dict[str, str]:
    """The columns of a probe to plot, prefixed so that no loss term or metric has the same name."""
    return {"step": probe["step"], "kimg": probe["kimg"], **{f"monitor_{name}": probe[name] for name in PROBED}}


def _known_by_heart(run: Trainer) -> float:
    """How well the discriminator separates training from held-out reals, on equally many of each."""
    batches, held_out = run.batches, run.batches.held_out
    count = (
        min(len(held_out), run.config.monitor.samples) // run.config.samples_per_logit * run.config.samples_per_logit
    )
    if count == 0:
        return math.nan
    seen = torch.Generator().manual_seed(derive_seed(run.config.seed, "known"))
    known = batches.trained_on[torch.randperm(len(batches.trained_on), generator=seen)[:count].numpy()]
    logits = []
    for chosen in (known, held_out[:count]):
        logits.append(run.game.logits_of(batches.of(chosen), run.context(), batches.condition_of(chosen)))
    return float(pair_accuracy(*logits))


def _keep_best(run: Trainer) -> None:
    """Save the checkpoint for rollbacks if this probe is a new best."""
    metric = run.config.stop.metric if run.config.stop else "quality"
    if not run.monitor.note_best(metric):
        return
    run.check()
    if distributed.rank() == 0:
        write_checkpoint(run.folder / BEST, run.record("best"), run.objects(), keep=1)
