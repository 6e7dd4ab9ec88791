"""Components of the training loop: logging, snapshots, evaluation, monitor, checkpoints."""

from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from torch import Tensor

from espalier.stages.contracts.options import Options

RunT = TypeVar("RunT", contravariant=True)
Terms = dict[str, Tensor]
"""Each loss term of an iteration, and the mean logits; detached, on the device."""
Metrics = dict[str, float]


class ComponentOptions(Options):
    """Options of a component that a stage may have."""

    @property
    def inputs(self) -> dict[str, Path]:
        """The artifacts it reads, by key."""
        return {}


NO_OPTIONS = ComponentOptions()


class Component(Generic[RunT]):
    """A set of callbacks. It changes no weights and owns the files and metrics it publishes. Override only what you need.

    A component that params.yaml names is constructed from its options. `metrics`: the final metrics it publishes in every run,
    so that gates can name them.
    """

    options_class: ClassVar[type[ComponentOptions]] = ComponentOptions
    metrics: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def metrics_of(cls, options: ComponentOptions) -> tuple[str, ...]:
        """Its final metrics with these options."""
        return cls.metrics

    def __init__(self, options: ComponentOptions = NO_OPTIONS) -> None:
        self.options = options

    def cut(self, run: RunT, step: int) -> None:
        """Training restarts at the run's current position: discard everything recorded after this step."""

    def start(self, run: RunT) -> None:
        """Called before the first step of this process."""

    def after_step(self, run: RunT, terms: Terms) -> None:
        """Called after each iteration. May raise Interrupted, or the monitor's Sick."""

    def publish(self, run: RunT, folder: Path, until: int) -> Metrics:
        """Write its files, for steps up to `until`, into the artifact's folder. Returns its final metrics.

        The run is at the step that is published, which may be before the end.
        """
        return {}


def passed(kimg: float, before: int, images: int) -> bool:
    """Whether an iteration that went from `before` to `images` passed a multiple of `kimg` thousand images."""
    each = images_of(kimg)
    return before // each != images // each


def images_of(kimg: float) -> int:
    """Thousands of images as a whole number of images, at least one."""
    return max(round(kimg * 1000), 1)
