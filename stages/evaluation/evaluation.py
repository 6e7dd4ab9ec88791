"""What a generator's pictures are worth beside the dataset's, with the floor of each figure: what other reals would get.

The dataset is cut in two by a permutation that depends on the seed: fakes are compared with `count` pictures of the first half,
and so are as many of the second, which gives the floor. Every figure depends on the number of pictures; they compare only at the
same count, of the same dataset, by the same feature network.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from espalier.data.errors import InputError
from espalier.data.files import whole_file
from espalier.data.store import Store
from espalier.stages.evaluation.class_reader import ClassReader, learn_classes
from espalier.stages.evaluation.comparison import MOST, Comparison
from espalier.stages.evaluation.reference import Reference, reference
from espalier.stages.features.extractor import Extractor
from espalier.stages.metrics.birthday import same_distance
from espalier.stages.process.progress import Steps

KNOWN = 0.8
"""Share of held-out reals whose class must be read right, for figures of classes to be worth printing."""


@dataclass(frozen=True)
class Evaluation:
    """Figures by name, the floor of each (of reals in place of fakes), what they were measured on, and what one should know
    of them, in sentences."""

    figures: dict[str, float]
    floors: dict[str, float]
    about: dict[str, Any]
    notes: list[str]

    def as_json(self) -> dict[str, Any]:
        """As it is written to a file."""
        return {"figures": self.figures, "floors": self.floors, **self.about, "notes": self.notes}


def evaluate(fakes: Tensor, store: Store, extractor: Extractor, seed: int = 0, modes: bool = False) -> Evaluation:
    """Fakes uint8 (N, channels, R, R) beside the store's pictures of their size; with `modes` figures of classes are a must.

    Raises:
        InputError: dataset, extractor and fakes do not fit, or classes that must be counted are not known.
    """
    count, side = len(fakes), fakes.shape[-1]
    if modes:
        check_classes(store)
    real = reference(store, side, extractor, count, seed)
    features = extractor(fakes, "features of fakes")
    reader, known = _reader(store, real)
    notes = [*_of_classes(reader, known, modes), *_of_count(count, extractor)]
    same = same_distance(torch.cat([real.shown.features, real.others.features]))
    comparison, others = Comparison(real.shown, extractor, reader if known >= KNOWN else None, same, seed), real.others
    with Steps() as steps:
        figures = comparison.figures(fakes, features, lambda what: steps.now(f"fakes: {what}"))
        floors = comparison.figures(others.pictures, others.features, lambda what: steps.now(f"floor: {what}"))
    about = {
        "count": count,
        "count_of_pixels": min(count, MOST),
        "resolution": side,
        "seed": seed,
        "reference": f"{count} of one half of {store.path.as_posix()}, the floor {count} of the other",
        "dataset": store.digest,
        "features": f"{extractor.name}:{extractor.digest}",
        "resizer": extractor.resizer(side),
        **({} if reader is None else {"classes_read": round(known, 4)}),
    }
    return Evaluation(figures, floors, about, notes)


def check_classes(store: Store) -> None:
    """Refuse to count classes where there are none.

    Raises:
        InputError: the dataset has no classes.
    """
    if not _has_classes(store):
        raise InputError(
            f"the dataset {store.path.as_posix()} has no classes to count; right would be one with labels, such as a folder "
            "with a sub-folder a class, or to leave out --modes"
        )


def _has_classes(store: Store) -> bool:
    return len(store.manifest.classes) > 1 and bool((store.labels() >= 0).any())


def _reader(store: Store, real: Reference) -> tuple[ClassReader | None, float]:
    """What reads the dataset's classes, where the reals here have any; and the share of held-out reals that it reads right."""
    if not _has_classes(store) or not all((half.labels >= 0).any() for half in (real.shown, real.others)):
        return None, 0.0
    reader = learn_classes(real.shown)
    return reader, reader.recognised(real.others)


def _of_classes(reader: ClassReader | None, known: float, must: bool) -> list[str]:
    """How well classes are read, in words.

    Raises:
        InputError: not well enough, and they must be counted.
    """
    how = f"a linear classifier reads the class of {known:.3f} of the held-out reals (mean over classes)"
    if known >= KNOWN and reader is not None:
        return [f"{how}; it counts the {len(reader.classes)} classes that it has met among the fakes"]
    why = f"{how}, fewer than {KNOWN}, so classes are not counted"
    if must:
        raise InputError(f"{why}; right would be more pictures with labels, or features that tell the classes apart")
    return [] if reader is None else [why]


def _of_count(count: int, extractor: Extractor) -> list[str]:
    """What so few pictures mean, in words, where they are too few for covariances."""
    width, suffix = extractor.width, extractor.suffix
    if count > width:
        return []
    return [
        f"{count} pictures are fewer than the {width + 1} that covariances of {width} features need: fid{suffix} is far too "
        f"high, and worth a look only beside its floor; kid{suffix} minds less"
    ]


def write_evaluation(found: Evaluation, file: Path) -> None:
    """As JSON, whole or not at all."""
    with whole_file(file) as partial:
        partial.write_text(json.dumps(found.as_json(), indent=2) + "\n", encoding="utf-8")
