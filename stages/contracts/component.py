"""Components of the training loop: logging, snapshots, evaluation, monitor, checkpoints."""

from pathlib import Path
from typing import Generic, TypeVar

from torch import Tensor

RunT = TypeVar("RunT", contravariant=True)
Terms = dict[str, Tensor]
"""Each loss term of an iteration, and the mean logits; detached, on the device."""
Metrics = dict[str, float]


class Component(Generic[RunT]):
    """A set of callbacks. It changes no weights and owns the files and metrics it publishes. Override only what you need."""

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
    each = kimg * 1000
    return before // each != images // each
