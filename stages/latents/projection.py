"""Find the latent whose image is nearest to a photo, in the features of the perceptual network and in pixels.

    loss = mean over scales of | phi_l(photo) - phi_l(image) |^2 / |phi_l|^2   +   weight * mean | photo - image |

`phi` is EfficientNet-Lite0 where it is installed; without it, the pixels at three scales serve. For networks with styles, one
style w for all layers is sought, else the latent z. The start is the best of some random ones; Adam's rate and the noise on w
follow the release of Karras et al. 2020, appendix D (up over 5 % of the steps, down over 25 %; noise until 75 %). Not done:
noise maps are not optimised, since they would draw the photo without the networks.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from espalier.stages.contracts.condition import Condition, rows
from espalier.stages.features.imagenet import imagenet_network, sized
from espalier.stages.latents.space import Space

STARTS, RATE, PIXELS = 64, 0.1, 1.0
"""Random latents to start from, Adam's highest rate, the weight of pixels."""
NOISE, NOISY = 0.05, 0.75
"""Standard deviation of the noise on w, in those of w, at the start; the share of steps that have it."""

Features = Callable[[Tensor], list[Tensor]]
"""Images (B, channels, R, R) in [-1, 1] -> features at several scales, each of mean square about 1 for every image."""


Progress = Callable[[int, float], None]
"""Told the steps done and the loss."""


@dataclass(frozen=True)
class Found:
    """A `point` (1, width) of the generator's space, its `loss` and its condition; those of the best random one, its start."""

    point: Tensor
    loss: float
    start: Tensor
    start_loss: float
    condition: Condition


def features_of(imagenet: bool, device: torch.device) -> Features:
    """The perceptual network's features, or pixels at three scales."""
    if imagenet:
        network = imagenet_network(device)
        return lambda images: [_normalised(tap) for tap in network.taps(sized(_coloured(images)))]
    return lambda images: [images, F.avg_pool2d(images, 2), F.avg_pool2d(images, 4)]


def _coloured(images: Tensor) -> Tensor:
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images


def _normalised(features: Tensor) -> Tensor:
    """Unit vectors at each place, so that no scale outweighs the others."""
    return F.normalize(features, dim=1) * math.sqrt(features.shape[1])


def project(
    space: Space, photo: Tensor, starts: Tensor, condition: Condition, phi: Features, steps: int, progress: Progress
) -> Found:
    """Project a photo (1, channels, R, R) in [-1, 1]. `starts`: latents (N, latent) from the prior, with their condition. The
    generator is in evaluation mode; deterministic on a CPU."""
    with torch.no_grad():
        wanted, first = phi(photo), space.points(starts, condition)
        losses = torch.cat([_losses(space, first, condition, i, photo, wanted, phi) for i in range(len(first))])
    best = int(losses.argmin())
    own, norm = rows(condition, slice(best, best + 1)), first[best].norm()
    spread = float(first.std(dim=0).mean()) if space.styled else 0.0
    point = first[best : best + 1].clone().requires_grad_(True)
    adam = torch.optim.Adam([point])
    random = torch.Generator(point.device).manual_seed(0)
    found, least = point.detach().clone(), float(losses[best])
    for step in range(steps):
        noise = NOISE * spread * max(0.0, 1 - step / steps / NOISY) ** 2
        adam.param_groups[0]["lr"] = RATE * _ramp(step / steps)
        moved = point + noise * torch.randn(point.shape, generator=random, device=point.device)
        loss = _losses(space, moved, own, 0, photo, wanted, phi)
        if not noise and loss.item() < least:
            least, found = loss.item(), point.detach().clone()
        adam.zero_grad()
        loss.sum().backward()  # type: ignore[no-untyped-call]
        adam.step()
        if not space.styled:
            with torch.no_grad():
                point.mul_(norm / point.norm())  # the length that latents of the prior have
        progress(step + 1, least)
    return Found(found, least, first[best : best + 1], float(losses[best]), own)


def _losses(
    space: Space, points: Tensor, condition: Condition, place: int, photo: Tensor, wanted: list[Tensor], phi: Features
) -> Tensor:
    """The loss of the point at a place, (1,)."""
    one = slice(place, place + 1)
    images = space(points[one], rows(condition, one))
    apart = [(f - w).square().flatten(1).mean(dim=1) for f, w in zip(phi(images), wanted, strict=True)]
    pixels: Tensor = (images - photo).abs().flatten(1).mean(dim=1)
    return torch.stack(apart).mean(dim=0) + PIXELS * pixels


def _ramp(share: float) -> float:
    """Share of the highest rate after a share of the steps."""
    down = min(1.0, (1 - share) / 0.25)
    return (0.5 - 0.5 * math.cos(math.pi * down)) * min(1.0, share / 0.05)
