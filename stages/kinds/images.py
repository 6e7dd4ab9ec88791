"""Images: uint8 in the store, in [-1, 1] for the networks."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from espalier.data.store import Store
from espalier.stages.contracts.condition import Condition
from espalier.stages.contracts.kind import Kind
from espalier.stages.kinds.grids import grid


def to_float(images: Tensor) -> Tensor:
    """uint8 (B, R, R, channels) in 0..255 -> float (B, channels, R, R) in [-1, 1], in channels-last memory format."""
    return images.permute(0, 3, 1, 2).float().mul_(2 / 255).sub_(1)


def to_bytes(images: Tensor) -> Tensor:
    """[-1, 1] -> uint8 0..255, rounded and clipped."""
    return (images.float() * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8)


class Images(Kind):
    """uint8 (N, R, R, channels) -> float (B, channels, R, R) in [-1, 1]."""

    name = "images"
    shown, at_once = 64, 64

    def stored(self, store: Store, resolution: int | None) -> NDArray[Any]:
        return store.images(resolution or 0)

    def verify(self, store: Store, resolution: int | None) -> None:
        store.verify(resolution or 0)

    def batch(self, rows: Tensor) -> Tensor:
        return to_float(rows)

    def finished(self, made: Tensor) -> Tensor:
        return to_bytes(made).cpu()

    def as_finished(self, stored: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.array(stored)).permute(0, 3, 1, 2)

    def sheet(self, finished: Tensor, condition: Condition, reals: NDArray[Any]) -> Image.Image:
        return grid(finished)


IMAGES = Images()
