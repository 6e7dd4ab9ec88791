"""DiffAugment: the discriminator sees reals and fakes through the same random, differentiable changes.

    T(x) = cutout(translation(color(x))),  drawn anew for each sample of every batch, for reals and fakes, in both players' steps

color: brightness x + U(-0.5, 0.5); saturation mean_c + (x - mean_c) U(0, 2); contrast mean + (x - mean) U(0.5, 1.5);
translation: by up to 1/8 of the side in whole pixels, with zeros moved in; cutout: a square of half the side is 0, and may leave
the image by half. Pixels are in [-1, 1]. Source: Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training",
section 3.2, with the ranges of the released `DiffAugment_pytorch.py`. With a few hundred images all three; with more, the
authors use translation and cutout, or translation alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from pydantic import Field, field_validator
from torch import Tensor

from espalier.stages.tricks.augmentation import Augmentation
from espalier.stages.tricks.parts import View

Operation = Literal["color", "translation", "cutout"]
Draw = Callable[[str], Tensor]
"""U(0, 1) of each sample, (B,), of this name."""
SHIFT, CUT = 0.125, 0.5
"""Largest shift and side of the cut square, as shares of the side."""


def color(images: Tensor, draw: Draw) -> Tensor:
    """Brightness, saturation and contrast, in this order."""
    brightness, saturation, contrast = (
        draw(name)[:, None, None, None] for name in ("brightness", "saturation", "contrast")
    )
    images = images + (brightness - 0.5)
    grey = images.mean(dim=1, keepdim=True)
    images = grey + (images - grey) * (2 * saturation)
    level = images.mean(dim=(1, 2, 3), keepdim=True)
    return level + (images - level) * (contrast + 0.5)


def translation(images: Tensor, draw: Draw) -> Tensor:
    """A shift by whole pixels in both directions."""
    for axis, name in ((2, "down"), (3, "right")):
        side = images.shape[axis]
        most = int(side * SHIFT + 0.5)
        shift = (draw(name) * (2 * most + 1)).long().clamp(max=2 * most) - most
        origin = torch.arange(side, device=images.device) - shift[:, None]  # where each pixel comes from, (B, side)
        shape = (len(images), 1, side, 1) if axis == 2 else (len(images), 1, 1, side)
        taken = images.gather(axis, origin.clamp(0, side - 1).view(shape).expand_as(images))
        images = taken * ((origin >= 0) & (origin < side)).view(shape)
    return images


def cutout(images: Tensor, draw: Draw) -> Tensor:
    """A square of zeros, whose centre is anywhere in the image."""
    cut = []
    for side, name in ((images.shape[2], "row"), (images.shape[3], "column")):
        size = int(side * CUT + 0.5)
        centres = side + 1 - size % 2
        start = (draw(name) * centres).long().clamp(max=centres - 1) - size // 2
        at = torch.arange(side, device=images.device) - start[:, None]
        cut.append((at >= 0) & (at < size))
    return images * ~(cut[0][:, None, :, None] & cut[1][:, None, None, :])


OPERATIONS: dict[Operation, Callable[[Tensor, Draw], Tensor]] = {
    "color": color,
    "translation": translation,
    "cutout": cutout,
}


class Diffaugment(Augmentation):
    """Keeps the discriminator from learning a small dataset by heart."""

    name = "diffaugment"
    shorthand = "policy"
    policy: tuple[Operation, ...] = Field(
        default=("color", "translation", "cutout"), description="operations; always in this order"
    )

    @field_validator("policy", mode="before")
    @classmethod
    def _list(cls, given: object) -> object:
        return given.split(",") if isinstance(given, str) else given

    @field_validator("policy")
    @classmethod
    def _each_once(cls, policy: tuple[Operation, ...]) -> tuple[Operation, ...]:
        if not policy or len(set(policy)) < len(policy):
            raise ValueError(f"must list some of {', '.join(OPERATIONS)}, each once")
        return policy

    def discriminator_view(self, images: Tensor, view: View) -> Tensor:
        def draw(name: str) -> Tensor:
            return view.context.uniform((len(images),), self.name, view.player, view.real, name)

        for name, operation in OPERATIONS.items():
            if name in self.policy:
                images = operation(images, draw)
        return images
