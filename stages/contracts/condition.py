"""What networks are conditioned on: a tree of tensors, batch first."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Condition = Tensor | tuple[Any, ...] | None
"""A tensor (B, ...), a named tuple of tensors, or None for unconditional networks."""


class Conditioning(ABC):
    """The condition of each sample of a dataset.

    One that params.yaml names is constructed with the stage's configuration, the dataset's store, the parent's artifact (or
    None) and the device.
    """

    @abstractmethod
    def at(self, indices: NDArray[np.int64]) -> Condition:
        """The condition of these samples, on the device."""

    @abstractmethod
    def examples(self, count: int) -> Condition:
        """Conditions for sample sheets and probes: classes, or samples of the dataset, in rotation."""


def rows(condition: Condition, chosen: slice | Tensor) -> Condition:
    """Select samples of a condition."""
    return _each(condition, lambda tensor: tensor[chosen])


def on_device(condition: Condition, device: torch.device) -> Condition:
    """Move a condition to a device."""
    return _each(condition, lambda tensor: tensor.to(device))


def _each(condition: Condition, change: Callable[[Tensor], Tensor]) -> Condition:
    if condition is None:
        return None
    if isinstance(condition, Tensor):
        return change(condition)
    parts: Any = (_each(part, change) for part in condition)
    made: Condition = type(condition)(*parts)
    return made
