"""Real pictures or points in an order that depends only on (seed, epoch), from any position on."""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from espalier.models.fashiongan.told import Told
from espalier.stages.fashiongan.outfits import Outfits, one_hot
from espalier.stages.process import distributed
from espalier.stages.tricks.context import derive_seed


class Batches:
    """Pictures uint8 (N, R, R, channels) -> batches float (B, channels, R, R) in [-1, 1], channels last; points
    float32 (N, d) -> batches (B, d); maps uint8 (N, R, R) of classes -> batches (B, 7, R, R), `real_logit` where a class is
    and 0 elsewhere.

    They are an endless row of epochs, each a permutation of the dataset; a batch is any window of it. With `labels`
    int64 (N,) and `packed` above 1, picture p and those at p + B/packed, p + 2 B/packed, ... are of one class. `outfits`:
    what else is told of each. `left_out`: how many are held out of all this, chosen by the seed.
    """

    def __init__(
        self,
        pictures: NDArray[Any],
        seed: int,
        device: torch.device,
        labels: NDArray[np.int64] | None = None,
        packed: int = 1,
        outfits: Outfits | None = None,
        real_logit: float = 1.0,
        left_out: int = 0,
    ) -> None:
        self.pictures, self.seed, self.device, self.labels, self.packed = pictures, seed, device, labels, packed
        self.outfits, self.real_logit = outfits, real_logit
        random = torch.Generator().manual_seed(derive_seed(seed, "held out"))
        mixed = torch.randperm(len(pictures), generator=random).numpy()
        self.trained_on: NDArray[np.int64] = np.sort(mixed[left_out:])
        self.held_out: NDArray[np.int64] = np.sort(mixed[:left_out])

    @lru_cache(maxsize=4)  # noqa: B019  (as long-lived as the training that holds it)
    def _order(self, row: str, epoch: int) -> NDArray[np.int64]:
        random = torch.Generator().manual_seed(derive_seed(self.seed, "order", row, epoch))
        order: NDArray[np.int64] = self.trained_on[torch.randperm(len(self.trained_on), generator=random).numpy()]
        return order

    def indices(self, position: int, count: int, row: str = "discriminator") -> NDArray[np.int64]:
        """Which pictures stand at position ... position + count - 1 of a row of epochs."""
        if self.labels is not None and self.packed > 1:
            return self._of_one_class(position, count, row)
        return self._window(position, count, row)

    def _of_one_class(self, position: int, count: int, row: str) -> NDArray[np.int64]:
        assert self.labels is not None
        first = self._window(position // self.packed, count // self.packed, row)
        random = np.random.default_rng(derive_seed(self.seed, "packs", row, position))
        others = [random.choice(self._class(int(self.labels[i])), self.packed - 1) for i in first]
        return np.concatenate([first, np.stack(others, axis=1).ravel()])

    @lru_cache(maxsize=4096)  # noqa: B019
    def _class(self, label: int) -> NDArray[np.int64]:
        assert self.labels is not None
        members: NDArray[np.int64] = self.trained_on[self.labels[self.trained_on] == label]
        return members

    def _window(self, position: int, count: int, row: str) -> NDArray[np.int64]:
        places = np.arange(position, position + count)
        size = len(self.trained_on)
        epochs = places // size
        parts = [self._order(row, int(e))[places[epochs == e] % size] for e in np.unique(epochs)]
        return np.concatenate(parts)

    def at(self, position: int, count: int, row: str = "discriminator") -> Tensor:
        """This process's share of the global batch at a position."""
        return self.of(self._mine(position, count, row))

    def of(self, chosen: NDArray[np.int64]) -> Tensor:
        """A batch of these."""
        drawn = torch.from_numpy(self.pictures[chosen]).to(self.device, non_blocking=True)
        if drawn.ndim == 3:
            return one_hot(drawn).mul_(self.real_logit)
        return to_float(drawn) if drawn.ndim == 4 else drawn

    def told_at(self, position: int, count: int, row: str = "discriminator") -> Tensor | Told | None:
        """What the networks are told of the same: classes int64 (B,), or sentences and maps, if anything."""
        return self.told_of(self._mine(position, count, row))

    def told_of(self, chosen: NDArray[np.int64]) -> Tensor | Told | None:
        """What the networks are told of these."""
        if self.outfits is not None:
            return self.outfits.at(chosen)
        return None if self.labels is None else torch.from_numpy(self.labels[chosen]).to(self.device)

    @lru_cache(maxsize=2)  # noqa: B019  (pictures and their labels are asked for one after the other)
    def _mine(self, position: int, count: int, row: str) -> NDArray[np.int64]:
        return self.indices(position, count, row)[distributed.rank() :: distributed.world()]


def to_float(pictures: Tensor) -> Tensor:
    """uint8 (B, R, R, channels) in 0..255 -> float (B, channels, R, R) in [-1, 1], channels last in memory."""
    return pictures.permute(0, 3, 1, 2).float().mul_(2 / 255).sub_(1)
