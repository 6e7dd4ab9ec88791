"""Statistics over the whole batch when several processes train, each on every n-th sample of it.

The results can be differentiated, twice for penalties. The gradient of a process's loss reaches the samples of the others;
averaged over all processes, as the trainer does, the gradients are those of one process with the whole batch. With one process,
means and rows are those of the argument. All processes must call these functions in the same order, and they do in training
only: a network that draws samples may run in one process alone.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

_part = (0, 1)
"""Which of how many micro-batches is computed now."""


def rank() -> int:
    """This process's rank, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def world() -> int:
    """The number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def several() -> bool:
    """Whether there are several processes."""
    return world() > 1


@contextmanager
def part(index: int, count: int) -> Iterator[None]:
    """Compute a micro-batch: every `count`-th sample of this process's share of the batch, from `index` on.

    Random numbers are drawn for the whole batch, as ever; statistics over the whole batch cannot be had meanwhile.
    """
    global _part
    before, _part = _part, (index, count)
    try:
        yield
    finally:
        _part = before


def shares() -> int:
    """Into how many shares the batch is split, over processes and micro-batches."""
    return world() * _part[1]


class _Sum(torch.autograd.Function):
    """The sum over all processes. Every process's value is part of every process's sum, so the gradient is a sum, too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _sum(gradients[0])


def _sum(x: Tensor) -> Tensor:
    found: Tensor = _Sum.apply(x)
    return found


def _whole() -> None:
    if _part[1] > 1:
        raise RuntimeError("a statistic of the whole batch is asked for within a micro-batch")


def mean(x: Tensor) -> Tensor:
    """The mean of x over all processes."""
    _whole()
    return mean_of_share(x)


def mean_of_share(x: Tensor) -> Tensor:
    """The mean of x over all processes, within a micro-batch, too: for averages that may move with each of them."""
    return _sum(x) / world() if several() else x


def everyone(x: Tensor) -> Tensor:
    """The rows of all processes, in the order of the whole batch: (B, ...) -> (B n, ...)."""
    _whole()
    if not several():
        return x
    place = torch.zeros(world(), dtype=x.dtype, device=x.device)
    place[rank()] = 1
    return _sum(x[:, None] * place.view(1, -1, *[1] * (x.ndim - 1))).flatten(0, 1)


def mine(whole: Tensor) -> Tensor:
    """This process's rows of the whole batch, or those of its micro-batch: (B n, ...) -> (B, ...)."""
    return whole[rank() + world() * _part[0] :: shares()] if shares() > 1 else whole


def drawn(x: Tensor, draw: Callable[[Tensor], Tensor], training: bool) -> Tensor:
    """A tensor of the shape of x into which `draw` draws. In training, every process draws for the whole batch, from a random
    generator with the same seed, and takes its own rows."""
    if training and shares() > 1:
        return mine(draw(x.new_empty((len(x) * shares(), *x.shape[1:]))))
    return draw(x.new_empty(x.shape))
