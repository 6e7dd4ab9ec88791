"""Distributed training by torchrun, with the same results as one process with the same global batch.

Each process takes every `world`-th sample of the global batch, so that the strided groups of minibatch stddev are the same
as in one process. Gradients are averaged explicitly: a wrapper around the networks would not see the double backward of
gradient penalties.
"""

import os
from collections.abc import Iterable
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from espalier.models.processes import rank as rank
from espalier.models.processes import world as world

T = TypeVar("T")


def start(device: torch.device) -> PrefixStore | None:
    """Join the process group if torchrun started several processes. Returns the store in which they leave notes."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or dist.is_initialized():
        return None
    store, rank, world = next(rendezvous("env://"))
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", store=store, rank=rank, world_size=world)
    return PrefixStore("espalier", store)


def stop() -> None:
    """Leave the process group."""
    if dist.is_initialized():
        dist.destroy_process_group()


def average_gradients(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Replace each gradient by its mean over all processes."""
    if world() == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])  # a single all-reduce
    dist.all_reduce(flat)
    flat /= world()
    for gradient, mean in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view(gradient.shape))


def averaged(terms: dict[str, Tensor]) -> dict[str, Tensor]:
    """Each term's mean over all processes, on the device, so that one that is not finite anywhere is not finite everywhere."""
    if world() == 1 or not terms:
        return terms
    means = torch.stack([term.float() for term in terms.values()])
    dist.all_reduce(means)
    return dict(zip(terms, (means / world()).unbind(), strict=True))


def first(value: T | None) -> T | None:
    """The value of the first process that has one, in all processes."""
    if world() == 1:
        return value
    found: list[T | None] = [None] * world()
    dist.all_gather_object(found, value)
    return next((one for one in found if one is not None), None)


def any_process(flag: bool, device: torch.device) -> bool:
    """Whether the flag is set in any process, so that all leave the loop at the same step."""
    if world() == 1:
        return flag
    said = torch.tensor(float(flag), device=device)
    dist.all_reduce(said)
    return bool(said.item())


def wait_for_all() -> None:
    """Wait until every process has reached this call."""
    if world() > 1:
        dist.barrier()
