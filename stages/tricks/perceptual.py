"""Perceptual loss: the generator matches a frozen network's features of reals.

    mean over features l of mean | E phi_l(real) - E phi_l(fake) |

phi is frozen and in evaluation mode; the gradient flows through it to the fakes only. E is over the batch, since an
unconditional generator has no pairs. Source: Johnson et al., "Perceptual Losses for Real-Time Style Transfer and
Super-Resolution", equation 2, with means as in feature matching. This is not LPIPS. It biases metrics
on the same phi in its favour.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from espalier.models import processes
from espalier.stages.contracts.registry import load
from espalier.stages.features.imagenet import IMAGENET, imagenet_network, sized
from espalier.stages.tricks.parts import Setting
from espalier.stages.tricks.step import Step
from espalier.stages.tricks.trick import Term


@lru_cache(maxsize=2)
def frozen(path: str, device: torch.device) -> Callable[[Tensor], Tensor | list[Tensor]]:
    """ImageNet's network, or the one returned by the function at a dotted path, frozen on a device."""
    if path == IMAGENET:
        imagenet = imagenet_network(device)
        return lambda images: imagenet.taps(sized(images))
    network: nn.Module = load(path)()
    return network.to(device).eval().requires_grad_(False)


class Perceptual(Term):
    """Written `perceptual: {network: imagenet}`, for EfficientNet-Lite0's features at four scales, or with one's own network:
    `perceptual: {network: my_networks.vgg}`.

    The function takes no arguments and returns a module: images (B, channels, R, R) in [-1, 1] -> features, one tensor
    or a list. The module normalises its input as in its training.
    """

    name = "perceptual"
    network: str = Field(description="imagenet, or the dotted path of a function that returns the frozen network")

    def whole_batch(self) -> str | None:
        return "it compares means over the whole batch"

    @field_validator("network")
    @classmethod
    def _importable(cls, value: str) -> str:
        if value == IMAGENET:
            return value
        try:
            found: Any = load(value)
        except ValueError as error:
            raise ValueError(f"'{value}' cannot be imported: {error}; use module.function") from error
        if not callable(found):
            raise ValueError(f"'{value}' is not a function that returns a network")
        return value

    def check(self, setting: Setting) -> None:
        if setting.kind == "maps":
            raise ValueError(
                f"perceptual: the frozen network expects images, and {setting.network} generates maps; use "
                "reconstruction, or a network that generates images"
            )

    def generator_term(self, step: Step) -> Tensor:
        phi = frozen(self.network, step.fake.device)
        channels = int(step.networks.generator.channels)  # type: ignore[arg-type]
        with torch.no_grad():
            real = _as_list(phi(_unpacked(step.real, channels)))
        fake = _as_list(phi(_unpacked(step.fake, channels)))
        apart = [processes.mean(r.mean(0) - f.mean(0)).abs().mean() for r, f in zip(real, fake, strict=True)]
        return torch.stack(apart).mean()


def _unpacked(packs: Tensor, channels: int) -> Tensor:
    """Packs (B/m, m channels, R, R) as images (B, channels, R, R)."""
    return packs.reshape(-1, channels, *packs.shape[2:])


def _as_list(features: Tensor | list[Tensor]) -> list[Tensor]:
    return [features] if isinstance(features, Tensor) else features
