"""Perceptual loss: the generator matches what a frozen network sees in reals.

    mean over features l of mean | E phi_l(real) - E phi_l(fake) |

phi is frozen and in evaluation mode, the gradient flows through it to the fakes only; E is over the batch, since an unconditional
generator has no pairs. Source: Johnson et al., "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", equation 2,
with means as in feature matching. It is no LPIPS. A metric on the same phi is flattered by it.
"""

from __future__ import annotations

import importlib
from functools import lru_cache
from typing import Any

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from espalier.stages.tricks.parts import Setting
from espalier.stages.tricks.step import Step
from espalier.stages.tricks.trick import Term


@lru_cache(maxsize=2)
def frozen(path: str, device: torch.device) -> nn.Module:
    """The network that a function named by its dotted path makes, frozen on a device."""
    module, _, function = path.rpartition(".")
    network: nn.Module = getattr(importlib.import_module(module), function)()
    return network.to(device).eval().requires_grad_(False)


class Perceptual(Term):
    """Written `perceptual: {network: my_networks.vgg}`.

    The function takes no arguments and returns a module: pictures (B, channels, R, R) in [-1, 1] -> features, one tensor
    or a list, normalising its input as it was trained.
    """

    name = "perceptual"
    network: str = Field(description="dotted path of a function that returns the frozen network")

    @field_validator("network")
    @classmethod
    def _importable(cls, value: str) -> str:
        module, _, function = value.rpartition(".")
        try:
            found: Any = getattr(importlib.import_module(module), function)
        except (ImportError, AttributeError, ValueError) as error:
            raise ValueError(f"'{value}' cannot be imported: {error}; right would be module.function") from error
        if not callable(found):
            raise ValueError(f"'{value}' is no function that returns a network")
        return value

    def check(self, setting: Setting) -> None:
        if setting.kind == "maps":
            raise ValueError(
                f"perceptual: the frozen network sees pictures, and {setting.network} makes maps; right would be "
                "reconstruction, or a network that makes pictures"
            )

    def generator_term(self, step: Step) -> Tensor:
        phi = frozen(self.network, step.fake.device)
        channels = int(step.networks.generator.channels)  # type: ignore[arg-type]
        with torch.no_grad():
            real = _as_list(phi(_unpacked(step.real, channels)))
        fake = _as_list(phi(_unpacked(step.fake, channels)))
        apart = [(r.mean(0) - f.mean(0)).abs().mean() for r, f in zip(real, fake, strict=True)]
        return torch.stack(apart).mean()


def _unpacked(packs: Tensor, channels: int) -> Tensor:
    """Packs (B/m, m channels, R, R) as pictures (B, channels, R, R)."""
    return packs.reshape(-1, channels, *packs.shape[2:])


def _as_list(features: Tensor | list[Tensor]) -> list[Tensor]:
    return [features] if isinstance(features, Tensor) else features
