"""Segmentation maps: classes 0 to 6 in the store, logits of seven classes for the networks, colours for display."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from espalier.data.store import Store
from espalier.stages.contracts.condition import Condition
from espalier.stages.contracts.kind import Kind
from espalier.stages.kinds.grids import grid

CLASSES = 7
MAP_COLOURS = (
    (236, 236, 232), (92, 64, 51), (246, 198, 160), (66, 133, 200), (222, 120, 60), (120, 160, 90), (230, 160, 190)
)  # fmt: skip
"""Colours of background, hair, face, upper clothes, lower clothes, legs, arms."""


def coloured(classes: Tensor) -> Tensor:
    """Maps of classes 0..6, (N, R, R) -> images uint8 (N, 3, R, R) for display."""
    palette = torch.tensor(MAP_COLOURS, dtype=torch.uint8)
    return palette[classes.long()].permute(0, 3, 1, 2)


def one_hot(maps: Tensor) -> Tensor:
    """Classes 0..6 (B, R, R) -> (B, 7, R, R) of 0 and 1; background, class 0, is the last channel."""
    return F.one_hot((maps.long() - 1) % CLASSES, CLASSES).permute(0, 3, 1, 2).float()


def classes_of(logits: Tensor) -> Tensor:
    """Logits of maps (B, 7, R, R) -> classes 0..6, uint8 (B, R, R)."""
    return ((logits.argmax(dim=1) + 1) % CLASSES).to(torch.uint8)


class Maps(Kind):
    """Classes uint8 (N, R, R) -> (B, 7, R, R), `real_logit` at each pixel's class and 0 elsewhere."""

    name = "maps"
    shown, at_once = 64, 64

    def __init__(self, real_logit: float = 1.0) -> None:
        self.real_logit = real_logit

    def stored(self, store: Store, resolution: int | None) -> NDArray[Any]:
        return store.maps(resolution or 0)

    def verify(self, store: Store, resolution: int | None) -> None:
        store.verify(resolution or 0)

    def batch(self, rows: Tensor) -> Tensor:
        return one_hot(rows).mul_(self.real_logit)

    def finished(self, made: Tensor) -> Tensor:
        return coloured(classes_of(made).cpu())

    def as_finished(self, stored: NDArray[Any]) -> Tensor:
        return coloured(torch.from_numpy(np.array(stored)))

    def sheet(self, finished: Tensor, condition: Condition, reals: NDArray[Any]) -> Image.Image:
        return grid(finished)
