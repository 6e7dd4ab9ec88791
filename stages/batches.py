"""Real pictures in an order that depends only on (seed, epoch), from any position on."""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stages import distributed
from stages.moment import derive_seed


class Batches:
    """Pictures uint8 (N, R, R, channels) -> batches float (B, channels, R, R) in [-1, 1], channels last.

    The pictures are an endless row of epochs, each a permutation of the dataset; a batch is any window of it.
    """

    def __init__(self, pictures: NDArray[np.uint8], seed: int, device: torch.device) -> None:
        self.pictures, self.seed, self.device = pictures, seed, device

    @lru_cache(maxsize=4)  # noqa: B019  (as long-lived as the training that holds it)
    def _order(self, row: str, epoch: int) -> NDArray[np.int64]:
        random = torch.Generator().manual_seed(derive_seed(self.seed, "order", row, epoch))
        return torch.randperm(len(self.pictures), generator=random).numpy()

    def indices(self, position: int, count: int, row: str = "discriminator") -> NDArray[np.int64]:
        """Which pictures stand at position ... position + count - 1 of a row of epochs."""
        places = np.arange(position, position + count)
        epochs = places // len(self.pictures)
        parts = [self._order(row, int(e))[places[epochs == e] % len(self.pictures)] for e in np.unique(epochs)]
        return np.concatenate(parts)

    def at(self, position: int, count: int, row: str = "discriminator") -> Tensor:
        """This process's share of the global batch at a position."""
        mine = self.indices(position, count, row)[distributed.rank() :: distributed.world()]
        return to_float(torch.from_numpy(self.pictures[mine]).to(self.device, non_blocking=True))


def to_float(pictures: Tensor) -> Tensor:
    """uint8 (B, R, R, channels) in 0..255 -> float (B, channels, R, R) in [-1, 1], channels last in memory."""
    return pictures.permute(0, 3, 1, 2).float().mul_(2 / 255).sub_(1)
