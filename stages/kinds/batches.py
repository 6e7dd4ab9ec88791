"""Real samples in an order that depends only on (seed, epoch), readable from any position."""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from espalier.models import processes
from espalier.stages.contracts.condition import Condition, Conditioning
from espalier.stages.contracts.in_parts import Images, in_parts
from espalier.stages.contracts.kind import Kind
from espalier.stages.kinds.conditions import Nothing
from espalier.stages.kinds.images import IMAGES
from espalier.stages.process.seeds import derive_seed

NOTHING = Nothing()


class Batches:
    """Stored rows (N, ...) -> batches in the networks' input format, with the condition of each sample.

    Samples form an endless sequence of epochs, each a permutation of the dataset; a batch is any window of it. With `groups`
    int64 (N,) and `packed` above 1, sample p and those at p + B/packed, p + 2 B/packed, ... share a group.
    `left_out`: number of held-out samples, chosen by the seed.
    """

    def __init__(
        self,
        reals: NDArray[Any],
        seed: int,
        device: torch.device,
        kind: Kind = IMAGES,
        conditioning: Conditioning = NOTHING,
        groups: NDArray[np.int64] | None = None,
        packed: int = 1,
        left_out: int = 0,
    ) -> None:
        self.reals, self.seed, self.device, self.kind = reals, seed, device, kind
        self.conditioning, self.groups, self.packed = conditioning, groups, packed
        random = torch.Generator().manual_seed(derive_seed(seed, "held out"))
        mixed = torch.randperm(len(reals), generator=random).numpy()
        self.trained_on: NDArray[np.int64] = np.sort(mixed[left_out:])
        self.held_out: NDArray[np.int64] = np.sort(mixed[:left_out])

    @lru_cache(maxsize=4)  # noqa: B019  (lives as long as the training that owns it)
    def _order(self, row: str, epoch: int) -> NDArray[np.int64]:
        random = torch.Generator().manual_seed(derive_seed(self.seed, "order", row, epoch))
        order: NDArray[np.int64] = self.trained_on[torch.randperm(len(self.trained_on), generator=random).numpy()]
        return order

    def indices(self, position: int, count: int, row: str = "discriminator") -> NDArray[np.int64]:
        """Indices of the samples at positions `position` to `position + count - 1` of a sequence of epochs."""
        if self.groups is not None and self.packed > 1:
            return self._of_one_group(position, count, row)
        return self._window(position, count, row)

    def _of_one_group(self, position: int, count: int, row: str) -> NDArray[np.int64]:
        assert self.groups is not None
        first = self._window(position // self.packed, count // self.packed, row)
        random = np.random.default_rng(derive_seed(self.seed, "packs", row, position))
        others = [random.choice(self._group(int(self.groups[i])), self.packed - 1) for i in first]
        return np.concatenate([first, np.stack(others, axis=1).ravel()])

    @lru_cache(maxsize=4096)  # noqa: B019
    def _group(self, label: int) -> NDArray[np.int64]:
        assert self.groups is not None
        members: NDArray[np.int64] = self.trained_on[self.groups[self.trained_on] == label]
        return members

    def _window(self, position: int, count: int, row: str) -> NDArray[np.int64]:
        places = np.arange(position, position + count)
        size = len(self.trained_on)
        epochs = places // size
        parts = [self._order(row, int(e))[places[epochs == e] % size] for e in np.unique(epochs)]
        return np.concatenate(parts)

    def at(self, position: int, count: int, row: str = "discriminator") -> Tensor:
        """This process's share of the global batch at `position`."""
        return self.of(self._mine(position, count, row))

    def of(self, chosen: NDArray[np.int64]) -> Tensor:
        """The batch of the given indices."""
        return self.kind.batch(torch.from_numpy(self.reals[chosen]).to(self.device, non_blocking=True))

    def finished(self, chosen: NDArray[np.int64]) -> Images:
        """Those reals in the form of the kind's finished samples, in parts if they are large."""

        def part(start: int, end: int) -> Tensor:
            return self.kind.as_finished(self.reals[chosen[start:end]])

        return in_parts(len(chosen), part)

    def condition_at(self, position: int, count: int, row: str = "discriminator") -> Condition:
        """The condition of the samples that `at` returns."""
        return self.condition_of(self._mine(position, count, row))

    def held_out_at(self, step: int, count: int) -> tuple[Tensor, Condition]:
        """`count` held-out samples of this process, other ones in each step, and their condition."""
        start = (step * processes.world() + processes.rank()) * count
        chosen = self.held_out[np.arange(start, start + count) % len(self.held_out)]
        return self.of(chosen), self.condition_of(chosen)

    def condition_of(self, chosen: NDArray[np.int64]) -> Condition:
        """The condition of the given indices."""
        return self.conditioning.at(chosen)

    @lru_cache(maxsize=2)  # noqa: B019  (samples and their condition are requested in turn)
    def _mine(self, position: int, count: int, row: str) -> NDArray[np.int64]:
        return self.indices(position, count, row)[processes.rank() :: processes.world()]
