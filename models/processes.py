"""Statistics over the whole batch when several processes train, each on every n-th sample of it.

The results can be differentiated, twice for penalties. The gradient of a process's loss reaches the samples of the others;
averaged over all processes, as the trainer does, the gradients are those of one process with the whole batch. With one process,
means and rows are those of the argument. All processes must call these functions in the same order, and they do in training
only: a network that draws samples may run in one process alone.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def rank() -> int:
    """This process's rank, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def world() -> int:
    """The number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def several() -> bool:
    """Whether there are several processes."""
    return world() > 1


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


def mean(x: Tensor) -> Tensor:
    """The mean of x over all processes."""
    return _sum(x) / world() if several() else x


def everyone(x: Tensor) -> Tensor:
    """The rows of all processes, in the order of the whole batch: (B, ...) -> (B n, ...)."""
    if not several():
        return x
    place = torch.zeros(world(), dtype=x.dtype, device=x.device)
    place[rank()] = 1
    return _sum(x[:, None] * place.view(1, -1, *[1] * (x.ndim - 1))).flatten(0, 1)


def mine(whole: Tensor) -> Tensor:
    """This process's rows of the whole batch: (B n, ...) -> (B, ...)."""
    return whole[rank() :: world()] if several() else whole


def drawn(x: Tensor, draw: Callable[[Tensor], Tensor], training: bool) -> Tensor:
    """A tensor of the shape of x into which `draw` draws. In training, every process draws for the whole batch, from a random
    generator with the same seed, and takes its own rows."""
    if training and several():
        return mine(draw(x.new_empty((len(x) * world(), *x.shape[1:]))))
    return draw(x.new_empty(x.shape))
