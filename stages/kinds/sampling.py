"""Latents for sampling a generator, and the samples."""

import torch
from torch import Tensor, nn

from espalier.stages.contracts.condition import Condition, rows
from espalier.stages.contracts.in_parts import Images, in_parts
from espalier.stages.contracts.kind import Kind
from espalier.stages.kinds.images import IMAGES
from espalier.stages.process.seeds import derive_seed


def latents(count: int, length: int, seed: int, device: torch.device, prior: str = "normal") -> Tensor:
    """Latents (count, length) from a prior; they depend only on the seed, so they are the same in every stage of a chain."""
    return draw((count, length), prior, torch.Generator(device).manual_seed(derive_seed(seed, "samples")))


def draw(shape: tuple[int, int], prior: str, random: torch.Generator) -> Tensor:
    """Latents (B, length) on the random generator's device: "normal" is N(0, 1), "uniform" is U(-1, 1)."""
    if prior == "uniform":
        return torch.rand(shape, generator=random, device=random.device) * 2 - 1
    return torch.randn(shape, generator=random, device=random.device)


@torch.no_grad()
def generate(generator: nn.Module, latent: Tensor, condition: Condition = None, kind: Kind = IMAGES) -> Tensor:
    """Samples in the kind's finished form, on the CPU. Stochastic layers (active dropout) depend only on the latents."""
    training = generator.training
    generator.eval()
    parts = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for start in range(0, len(latent), kind.at_once):
            chosen = slice(start, start + kind.at_once)
            parts.append(kind.finished(generator(latent[chosen], rows(condition, chosen))))
    generator.train(training)
    return torch.cat(parts)


def generated(generator: nn.Module, latent: Tensor, condition: Condition = None, kind: Kind = IMAGES) -> Images:
    """The same as `generate`, in parts if they are large: generated again whenever they are read."""

    def part(start: int, end: int) -> Tensor:
        some = slice(start, end)
        return generate(generator, latent[some], rows(condition, some), kind)

    return in_parts(len(latent), part)


def slerp(start: Tensor, end: Tensor, share: float) -> Tensor:
    """Spherical interpolation of latents (B, length): directions along the great arc, norms linearly.

    A straight line between two Gaussian latents passes through norms never seen in training.
    """
    lengths = torch.lerp(start.norm(dim=1, keepdim=True), end.norm(dim=1, keepdim=True), share)
    a, b = nn.functional.normalize(start, dim=1), nn.functional.normalize(end, dim=1)
    angle = (a * b).sum(dim=1, keepdim=True).clamp(-1, 1).acos()
    near = angle < 1e-4
    safe = angle.where(~near, torch.ones_like(angle))
    arc = (torch.sin((1 - share) * safe) * a + torch.sin(share * safe) * b) / torch.sin(safe)
    return nn.functional.normalize(arc.where(~near, torch.lerp(a, b, share)), dim=1) * lengths


def walk(ends: Tensor, frames: int = 16) -> Tensor:
    """Latents (N, length) -> (N x frames, length): from each to the next and back to the first, by slerp."""
    following = ends.roll(-1, dims=0)
    legs = [slerp(ends, following, frame / frames) for frame in range(frames)]
    return torch.stack(legs, dim=1).flatten(0, 1)
