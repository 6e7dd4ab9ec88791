"""What happens beside the game: log, snapshots, evaluation, monitor, checkpoints."""

from pathlib import Path
from typing import Generic, TypeVar

from torch import Tensor

RunT = TypeVar("RunT", contravariant=True)
Terms = dict[str, Tensor]
"""Each term of an iteration's losses, and the mean logits, detached and on the device."""
Metrics = dict[str, float]


class Component(Generic[RunT]):
    """It changes no weight, and owns the files and metrics that it publishes. It implements what it needs."""

    def cut(self, run: RunT, step: int) -> None:
        """Training stands where the run does: what was noted after this step is void."""

    def start(self, run: RunT) -> None:
        """Before the first step of this process."""

    def after_step(self, run: RunT, terms: Terms) -> None:
        """After each iteration. May raise Interrupted, or the monitor's Sick."""

    def publish(self, run: RunT, folder: Path, until: int) -> Metrics:
        """Write its files of the steps up to `until` into the artifact's folder. Returns its final metrics.

        The run stands at what is published, which may be before the end.
        """
        return {}


def passed(kimg: float, before: int, images: int) -> bool:
    """Whether an iteration that went from `before` to `images` passed a multiple of so many thousand images."""
    each = kimg * 1000
    return before // each != images // each
