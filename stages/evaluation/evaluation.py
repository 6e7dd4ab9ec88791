"""Evaluate generated images against the dataset. The floor of each metric is what held-out reals score.

The dataset is split in two by a seeded permutation: fakes are compared with `count` images of the first half, and so are `count`
images of the second half, which gives the floor. Every metric depends on the number of images; compare values only at the same
count, dataset and feature network.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import torch

from espalier.data.errors import InputError
from espalier.data.store import Store
from espalier.stages.contracts.component import Metrics
from espalier.stages.contracts.in_parts import Images, squared
from espalier.stages.contracts.metric import MOST, Comparison, Metric, Samples
from espalier.stages.evaluation.class_reader import ClassReader, learn_classes
from espalier.stages.evaluation.comparison import METRICS, compare
from espalier.stages.evaluation.reference import Reference, reference
from espalier.stages.features.extractor import Extractor
from espalier.stages.metrics.birthday import same_distance
from espalier.stages.process.progress import Steps

KNOWN = 0.8
"""Minimum accuracy on held-out reals for class metrics to be reported."""


@dataclass(frozen=True)
class Evaluation:
    """Metrics by name, the floor of each (reals in place of fakes), the settings of the measurement, notes on
    interpretation, and what each metric means."""

    metrics: dict[str, float]
    floors: dict[str, float]
    about: dict[str, Any]
    notes: list[str]
    meanings: dict[str, str]

    def meaning(self, name: str) -> str:
        """A short description of a metric; empty if there is none."""
        return self.meanings.get(name, "")

    def as_json(self) -> dict[str, Any]:
        """The contents of the JSON file."""
        return {"metrics": self.metrics, "floors": self.floors, **self.about, "notes": self.notes}


def evaluate(
    fakes: Images,
    store: Store,
    extractor: Extractor,
    seed: int = 0,
    modes: bool = False,
    floors: bool = True,
    own: Sequence[Metric] = (),
) -> Evaluation:
    """Compare fakes uint8 (N, channels, R, R) with the store's images of the same size; `modes` requires class metrics; `own`
    are the user's metrics, beside the built-in ones.

    Raises:
        InputError: dataset, extractor and fakes do not match, or required class metrics are not available.
    """
    fakes, square = squared(fakes), fakes.shape[-1] == fakes.shape[-2]
    count, side = len(fakes), fakes.shape[-1]
    if modes:
        check_classes(store)
    real = reference(store, side, extractor, count, seed)
    made = Samples(fakes, extractor(fakes, "features of fakes"))
    reader, known = _reader(store, real)
    notes = [*_of_classes(reader, known, modes), *_of_count(count, extractor), *extractor.notes()]
    same = same_distance(torch.cat([real.shown.features, real.others.features]))
    shown, others = (Samples(half.images, half.features) for half in (real.shown, real.others))
    comparison = Comparison(shown, extractor.named, same, seed, extractor.logits, reader if known >= KNOWN else None)
    with Steps() as steps:
        metrics = compare(made, comparison, own, lambda what: steps.now(f"fakes: {what}"))
        floor = compare(others, comparison, own, lambda what: steps.now(f"floor: {what}")) if floors else {}
    metrics, floor = _finite(metrics, "fakes", notes), _finite(floor, "reals", notes)
    about = {
        "count": count,
        "count_of_pixels": min(count, MOST),
        "resolution": side,
        "seed": seed,
        "reference": f"{count} of one half of {store.path.as_posix()}, the floor {count} of the other",
        "dataset": store.digest,
        "features": f"{extractor.name}:{extractor.digest}",
        "resizer": extractor.resizer(side) if square else f"{extractor.resizer(side)}, padded to squares first",
        **({} if reader is None else {"classes_read": round(known, 4)}),
    }
    classes: list[type[Metric]] = [*METRICS.values(), *map(type, own)]
    meanings = {
        extractor.named(name) if name in metric.of_features else name: words
        for metric in classes
        for name, words in metric.meanings.items()
    }
    return Evaluation(metrics, floor, about, notes, meanings)


def _finite(metrics: Metrics, of: str, notes: list[str]) -> Metrics:
    """The numbers that are finite, with a note on each of the others."""
    notes += [
        f"{name} of the {of} is {value}, so it is left out" for name, value in metrics.items() if not isfinite(value)
    ]
    return {name: value for name, value in metrics.items() if isfinite(value)}


def check_classes(store: Store) -> None:
    """Check that the dataset has classes to count.

    Raises:
        InputError: the dataset has no classes.
    """
    if not _has_classes(store):
        raise InputError(
            f"the dataset {store.path.as_posix()} has no classes to count; use one with labels, e.g. a folder "
            "with one sub-folder per class, or omit --modes"
        )


def _has_classes(store: Store) -> bool:
    return len(store.manifest.classes) > 1 and bool((store.labels() >= 0).any())


def _reader(store: Store, real: Reference) -> tuple[ClassReader | None, float]:
    """The classifier of the dataset's classes, if the reals are labelled, and its accuracy on held-out reals."""
    if not _has_classes(store) or not all((half.labels >= 0).any() for half in (real.shown, real.others)):
        return None, 0.0
    reader = learn_classes(real.shown)
    return reader, reader.recognised(real.others)


def _of_classes(reader: ClassReader | None, known: float, must: bool) -> list[str]:
    """Note on the accuracy of the class reader.

    Raises:
        InputError: it is too low, and class metrics are required.
    """
    how = f"a linear classifier has an accuracy of {known:.3f} on held-out reals (mean over classes)"
    if known >= KNOWN and reader is not None:
        return [f"{how}; it counts its {len(reader.classes)} classes among the fakes"]
    why = f"{how}, below {KNOWN}, so classes are not counted"
    if must:
        raise InputError(f"{why}; use more labelled images, or features that separate the classes")
    return [] if reader is None else [why]


def _of_count(count: int, extractor: Extractor) -> list[str]:
    """Note for when there are too few images to estimate covariances."""
    width, named = extractor.width, extractor.named
    if count > width:
        return []
    return [
        f"{count} images are fewer than the {width + 1} that covariances of {width} features need: {named('fid')} is far too "
        f"high, so compare it only with its floor; {named('kid')} is less affected"
    ]
