"""Evaluate a stage: compare samples of its averaged generator with its dataset, at the end and every `every_kimg`.

    evaluate: {features: artifacts/features/dolls, count: 2000, every_kimg: 20}

No weight changes. The metrics are those of stages/evaluation; the floor of each is reported under its name plus `_floor`.
"""

from pathlib import Path

from espalier.data.errors import InputError
from espalier.stages.artifacts.history import History
from espalier.stages.config.options import EvaluateOptions
from espalier.stages.contracts.component import Component, Metrics, Terms, passed
from espalier.stages.evaluation.evaluation import Evaluation, evaluate
from espalier.stages.evaluation.reference import check_counts
from espalier.stages.features.extractor import Extractor
from espalier.stages.features.load import load_extractor
from espalier.stages.loop.curves import write_curves
from espalier.stages.loop.trainer import Trainer
from espalier.stages.process import distributed


class Evaluate(Component[Trainer]):
    """Metrics of the averaged generator, every `every_kimg` and at the end."""

    def __init__(self, options: EvaluateOptions) -> None:
        self.options = options
        self._loaded: Extractor | None = None

    def cut(self, run: Trainer, step: int) -> None:
        self.rows = History(run.folder / "evaluations.csv")
        if distributed.rank() == 0:
            self.rows.cut(step)

    def start(self, run: Trainer) -> None:
        self._extractor(run)  # fail before training, not at its end

    def _extractor(self, run: Trainer) -> Extractor:
        """The feature extractor of the evaluation, loaded once.

        Raises:
            InputError: it is missing or does not fit the dataset, or the stage does not generate images.
        """
        if self._loaded is not None:
            return self._loaded
        kind = run.batches.kind.name
        if kind != "images":
            raise InputError(
                f"{run.config.name}: evaluate: the network {run.config.network.name} generates {kind}, but these metrics need "
                "images; remove evaluate"
            )
        extractor = load_extractor(self.options.features, run.device)
        check_counts(run.store, extractor, self.options.count)
        self._loaded = extractor
        return extractor

    def _now(self, run: Trainer, floors: bool = True) -> Evaluation:
        made = run.samples(run.latents(self.options.count))
        return evaluate(made, run.store, self._extractor(run), run.config.seed, floors=floors)

    def after_step(self, run: Trainer, terms: Terms) -> None:
        each = self.options.every_kimg
        if each is None or distributed.rank() != 0 or not passed(each, run.before, run.images):
            return
        found = self._now(run, floors=False)  # they are the same each time
        self.rows.add({"step": run.step, "kimg": run.images / 1000, **found.metrics})
        shown = "  ".join(f"{name} {value:.4g}" for name, value in list(found.metrics.items())[:4])
        run.news.append(f"{run.config.name} at {run.images / 1000:.4g} kimg: {shown}")

    def publish(self, run: Trainer, folder: Path, until: int) -> Metrics:
        found = self._now(run)
        write_curves(self.rows.until(until), folder / "curves")
        run.about["evaluated"] = {**found.about, "notes": found.notes}
        return {**found.metrics, **{f"{name}_floor": value for name, value in found.floors.items()}}
