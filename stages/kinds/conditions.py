"""Conditions that need no extra network: none, or the class of each sample."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from espalier.stages.contracts.condition import Conditioning


class Nothing(Conditioning):
    """No condition."""

    def at(self, indices: NDArray[np.int64]) -> None:
        return None

    def examples(self, count: int) -> None:
        return None


class Classes(Conditioning):
    """`labels` int64 (N,): the class of each sample; `classes`: the number of classes."""

    def __init__(self, labels: NDArray[np.int64], classes: int, device: torch.device) -> None:
        self.labels, self.classes, self.device = labels, classes, device

    def at(self, indices: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(self.labels[indices]).to(self.device)

    def examples(self, count: int) -> Tensor:
        return class_turns(self.classes, count, self.device)


def class_turns(classes: int, count: int, device: torch.device) -> Tensor:
    """Classes 0, 1, ..., repeated cyclically, int64 (count,)."""
    return torch.arange(count, device=device) % classes
