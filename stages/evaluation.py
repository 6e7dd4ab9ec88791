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

from data.errors import InputError
from data.files import whole_file
from data.store import Store
from stages.class_reader import ClassReader, learn_classes
from stages.comparison import MOST, Comparison
from stages.extractor import Extractor
from stages.metrics.birthday import same_distance
from stages.progress import Steps
from stages.reference import Reference, reference

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
    reader, notes = _reader(store, real, modes)
    if count <= extractor.width:
        notes.append(
            f"{count} pictures are fewer than the {extractor.width + 1} that covariances of {extractor.width} features need: "
            f"fid{extractor.suffix} is far too high, and worth a look only beside its floor; kid{extractor.suffix} minds less"
        )
    same = same_distance(torch.cat([real.shown.features, real.others.features]))
    comparison = Comparison(real.shown, extractor, reader, same, seed)
    with Steps() as steps:
        figures = comparison.figures(fakes, features, lambda what: steps.now(f"fakes: {what}"))
        others = real.others
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


def _reader(store: Store, real: Reference, must: bool) -> tuple[ClassReader | None, list[str]]:
    """What reads the dataset's classes, where they are known and can be read; and how well it does, in words."""
    if not _has_classes(store) or not all((half.labels >= 0).any() for half in (real.shown, real.others)):
        return None, []
    reader = learn_classes(real.shown)
    known = reader.recognised(real.others)
    how = f"a linear classifier reads the class of {known:.3f} of the held-out reals (mean over classes)"
    if known >= KNOWN:
        return reader, [f"{how}; it counts the {len(reader.classes)} classes that it has met among the fakes"]
    why = f"{how}, fewer than {KNOWN}, so classes are not counted"
    if must:
        raise InputError(f"{why}; right would be more pictures, or features that tell the classes apart")
    return None, [why]


def write_evaluation(found: Evaluation, file: Path) -> None:
    """As JSON, whole or not at all."""
    with whole_file(file) as partial:
        partial.write_text(json.dumps(found.as_json(), indent=2) + "\n", encoding="utf-8")
