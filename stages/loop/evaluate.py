"""Evaluate a stage: compare samples of its averaged generator with its dataset, at the end and every `every_kimg`.

    evaluate: {features: artifacts/features/dolls, count: 2000, every_kimg: 20}

No weight changes. The metrics are those of stages/metrics that apply, and the user's own; the floor of each is reported under
its name plus `_floor`.
"""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer

from espalier.data.errors import InputError
from espalier.stages.artifacts.history import History
from espalier.stages.contracts.component import Component, ComponentOptions, Metrics, Terms, passed
from espalier.stages.contracts.metric import Metric
from espalier.stages.contracts.parts import chosen, parse_part
from espalier.stages.evaluation.comparison import METRICS
from espalier.stages.evaluation.evaluation import Evaluation, evaluate
from espalier.stages.evaluation.reference import check_counts
from espalier.stages.features.extractor import Extractor
from espalier.stages.features.load import NAMED, extractor_class, load_extractor
from espalier.stages.loop.curves import write_curves
from espalier.stages.loop.trainer import Trainer
from espalier.stages.process import distributed


def _parse_metrics(given: Any) -> Any:
    """A mapping of dotted paths to options -> metrics by path."""
    if isinstance(given, dict) and all(isinstance(metric, Metric) for metric in given.values()):
        return given
    found = chosen(given, "the dotted paths of your own metrics")
    return {name: parse_part(METRICS, name, options, lambda cls: cls) for name, options in found.items()}


class EvaluateOptions(ComponentOptions):
    """How a stage's samples are evaluated against its dataset."""

    features: Path = Field(
        description="a feature network: its artifact, 'imagenet', 'inception', or a file with Inception's weights (.pth)"
    )
    count: int = Field(
        default=2000,
        ge=65,
        description="generated and real samples to compare; as many other real samples for the floor",
    )
    every_kimg: float | None = Field(
        default=None, gt=0, description="thousands of images between evaluations; default: only at the end"
    )
    metrics: Annotated[
        dict[str, Metric],
        BeforeValidator(_parse_metrics),
        PlainSerializer(lambda of: {name: metric.model_dump(mode="json") for name, metric in of.items()}),
    ] = Field(default={}, description="your own metrics, by dotted path, beside the built-in ones")

    @property
    def inputs(self) -> dict[str, Path]:
        return {} if str(self.features) in NAMED else {"features": self.features}


class Evaluate(Component[Trainer]):
    """Metrics of the averaged generator, every `every_kimg` and at the end."""

    options_class = EvaluateOptions

    @classmethod
    def metrics_of(cls, options: ComponentOptions) -> tuple[str, ...]:
        assert isinstance(options, EvaluateOptions)
        named = extractor_class(options.features).named
        known = [
            named(name) if name in metric.of_features else name
            for metric in METRICS.values()
            if metric.always
            for name in metric.meanings
        ]
        return (*known, *(name for metric in options.metrics.values() for name in metric.meanings))

    def __init__(self, options: EvaluateOptions) -> None:
        self.options: EvaluateOptions = options
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
        made, own = run.made(run.latents(self.options.count)), tuple(self.options.metrics.values())
        return evaluate(made, run.store, self._extractor(run), run.config.seed, floors=floors, own=own)

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
