"""What networks are conditioned on: a tree of tensors, batch first."""

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Condition = Tensor | tuple[Any, ...] | None
"""A tensor (B, ...), a named tuple of such, or None where networks are conditioned on nothing."""


class Conditioning(Protocol):
    """The condition of each sample of a dataset. `digest`: of what made it beside the dataset, if anything did."""

    digest: str | None

    def at(self, indices: NDArray[np.int64]) -> Condition:
        """Of these samples, on the device."""
        ...

    def examples(self, count: int) -> Condition:
        """For sample sheets and probes: classes, or the dataset's samples, in turns."""
        ...


def rows(condition: Condition, chosen: slice | Tensor) -> Condition:
    """Some samples of a condition."""
    if condition is None:
        return None
    if isinstance(condition, Tensor):
        return condition[chosen]
    parts: Any = (rows(part, chosen) for part in condition)
    made: Condition = type(condition)(*parts)
    return made


def on_device(condition: Condition, device: torch.device) -> Condition:
    """The same condition on a device."""
    if condition is None:
        return None
    if isinstance(condition, Tensor):
        return condition.to(device)
    parts: Any = (on_device(part, device) for part in condition)
    made: Condition = type(condition)(*parts)
    return made
