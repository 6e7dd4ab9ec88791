"""Metrics of a set of images against reals."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar

from torch import Tensor

from espalier.stages.contracts.component import Metrics
from espalier.stages.contracts.in_parts import Images
from espalier.stages.contracts.options import Options

T = TypeVar("T")

MOST = 1000
"""Maximum number of images for pixel metrics, which would otherwise take minutes."""


@dataclass(frozen=True)
class Samples:
    """Images uint8 (N, channels, R, R), perhaps in parts, and their features (N, d)."""

    parts: Images
    features: Tensor

    @property
    def images(self) -> Tensor:
        """All images at once: 3 MB each at 1024x1024, so `parts_of(self.parts)` is better if there are many."""
        return self.parts[:]


class Reader(Protocol):
    """A classifier of the dataset's classes. `shares` (K,): those of the classes among the reals."""

    @property
    def shares(self) -> Tensor: ...
    def logits(self, images: Images, features: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Comparison:
    """What fakes are compared with.

    `real`: equally many reals. `named`: a metric's name with this feature network. `same`: feature distance
    below which two images count as the same. `logits`: of the feature network's own classes, if it has any. `reader`: a
    classifier of the dataset's classes, if a reliable one exists.
    """

    real: Samples
    named: Callable[[str], str]
    same: float
    seed: int
    logits: Callable[[Tensor], Tensor | None]
    reader: Reader | None
    _kept: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, compute: Callable[[], T]) -> T:
        """A value of the reals that is computed for the fakes, and kept for the floor."""
        if name not in self._kept:
            self._kept[name] = compute()
        kept: T = self._kept[name]
        return kept


class Metric(Options, ABC):
    """One or more numbers that compare fakes with reals. Its fields are its options in params.yaml.

    `title`: displayed while it is computed. `meanings`: what each of its numbers means, by name; gates may name them.
    `of_features`: those whose names depend on the feature network. `always`: whether every evaluation has them. `smallest`:
    side of the smallest images.
    """

    title: ClassVar[str]
    meanings: ClassVar[dict[str, str]]
    of_features: ClassVar[tuple[str, ...]] = ()
    always: ClassVar[bool] = True
    smallest: ClassVar[int] = 1

    def applies(self, comparison: Comparison) -> bool:
        """Whether it can be computed."""
        return comparison.real.parts.shape[-1] >= self.smallest

    @abstractmethod
    def measure(self, fakes: Samples, comparison: Comparison) -> Metrics:
        """Its numbers by name. Also called with other reals as fakes, for the floor."""
