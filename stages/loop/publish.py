"""Publishing a finished stage: its artifact, whole, made only of what (params, data, code) decide."""

import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from espalier.data.files import whole_folder, write_json
from espalier.stages.artifacts.artifact import write_examples, write_weights
from espalier.stages.artifacts.history import History
from espalier.stages.kinds.grids import coloured, diversity, save_picture
from espalier.stages.loop.curves import PROBED, draw_curves
from espalier.stages.loop.evaluate import as_figures, evaluate_now, extractor_of
from espalier.stages.loop.trainer import SAMPLES, Trainer
from espalier.stages.metrics.modes import mode_figures
from espalier.stages.metrics.stacked_digits import stacked_figures
from espalier.stages.types.classifier import load_classifier

DIVERSITY_SAMPLES = 256
MODE_SAMPLES = 2500
"""Points, as the released PacGAN code evaluates."""
STACKED_SAMPLES = 25_600
"""Stacked digits, as the same code does."""


def publish(trainer: Trainer, artifact: Path) -> dict[str, float]:
    """Write the artifact in place of an older one. Returns its final figures."""
    trainer.game.before_step(trainer.moment())
    rows = trainer.history.until(trainer.last)
    last = {} if trainer.healing.kept else rows[-1]  # then the last iterations are of networks that are not published
    figures = {name: float(value) for name, value in last.items() if name not in ("step", "kimg", "alpha")}
    figures = {"step": trainer.step, "kimg": trainer.images / 1000, **figures, **final_figures(trainer)}
    record = trainer.record("finished")
    if (extractor := extractor_of(trainer)) is not None:
        found = evaluate_now(trainer, extractor)
        figures |= as_figures(found)
        record = record.model_copy(update={"evaluated": {**found.about, "notes": found.notes}})
    with whole_folder(artifact) as folder:
        write_weights(folder, record, trainer.networks)
        write_json(folder / "metrics.json", figures)
        write_examples(folder, trainer.told(SAMPLES))
        History.write(folder / "history.csv", rows)
        _write_curves(rows, folder / "curves")
        _write_curves(trainer.evaluations.until(trainer.last), folder / "curves")
        probes, events = trainer.monitor.table(), trainer.healing.events
        History.write(folder / "monitor.csv", probes)
        _write_curves([_as_curves(probe) for probe in probes], folder / "curves")
        draw_curves(rows, folder / "curves.png", trainer.config.name, probes, events)
        save_picture(trainer.grid(), folder / "samples.png")
        _copy_until(trainer, "samples", folder)
        _copy_until(trainer, "milestones", folder)
        write_json(folder / "milestones" / "index.json", sorted(p.name for p in (folder / "milestones").glob("kimg-*")))
    return figures


def final_figures(trainer: Trainer) -> dict[str, float]:
    """What the averaged generator is worth: diversity, and how many modes it finds where they are known."""
    reals = trainer.reals
    count = min(DIVERSITY_SAMPLES, len(reals))
    samples = trainer.samples(trainer.latents(count))
    shown = torch.from_numpy(np.array(reals[:count]))
    if trainer.config.network.makes != "points":
        shown = coloured(shown) if trainer.config.network.makes == "maps" else shown.permute(0, 3, 1, 2)
    return {"diversity": round(diversity(samples, shown), 4), **_modes(trainer)}


def _modes(trainer: Trainer) -> dict[str, float]:
    config, modes = trainer.config, trainer.store.manifest.modes
    if modes is not None:
        points = trainer.samples(trainer.latents(MODE_SAMPLES))
        return asdict(mode_figures(points, torch.tensor(modes.centres), modes.std))
    if "distance" in config.network.figures:
        weights = [p.detach().flatten() for n in trainer.networks.modules().values() for p in n.parameters()]
        return {"distance": float(torch.cat(weights).norm())}
    if config.classifier is not None:
        classifier = load_classifier(config.classifier, config.resolution, trainer.device)
        pictures = trainer.samples(trainer.latents(STACKED_SAMPLES))
        return asdict(stacked_figures(pictures, classifier, trainer.device))
    return {}


def _write_curves(rows: list[dict[str, str]], folder: Path) -> None:
    """One CSV a scalar, as dvc plots want them."""
    for name in list(rows[0])[2:] if rows else ():
        History.write(folder / f"{name}.csv", [{"kimg": row["kimg"], "value": row[name]} for row in rows])


def _as_curves(probe: dict[str, str]) -> dict[str, str]:
    """What of a probe is drawn, under names that no term or figure has."""
    return {"step": probe["step"], "kimg": probe["kimg"], **{f"monitor_{name}": probe[name] for name in PROBED}}


def _copy_until(trainer: Trainer, what: str, folder: Path) -> None:
    """Copy samples or milestones of this training, leaving out what a longer one made later."""
    (folder / what).mkdir()
    for path in sorted((trainer.drawn / what).glob("kimg-*")):
        if float(path.name.removeprefix("kimg-").removesuffix(".png")) * 1000 <= trainer.images:
            copy = shutil.copytree if path.is_dir() else shutil.copyfile
            copy(path, folder / what / path.name)
