"""ProGAN's two networks at one resolution, with the path of the resolution below kept for fading in.

Source: Karras et al., "Progressive Growing of GANs", table 2 and section 3; where the paper and the released
TensorFlow network differ, the release (which made the published pictures), with the paper's order as an option.
"""

import math
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from espalier.models.ends import Judgement, LatentWithClass
from espalier.models.hidden import Hidden, HiddenPlan
from espalier.models.layers import (
    DownConv2d,
    EqualizedConv2d,
    EqualizedLinear,
    EqualizedWeight,
    UpConv2d,
    double,
    halve,
    leaky_relu,
    pixel_norm,
)
from espalier.models.norms import NORMS, MakeNorm

DownOrder = Literal["pool_first", "activate_first"]


def hidden_plans() -> dict[str, HiddenPlan]:
    """What follows hidden layers, before tricks change it: leaky ReLU, and in the generator pixel norm after it."""
    return {
        "generator": HiddenPlan("leaky_relu", NORMS["pixel"], norm_first=False),
        "discriminator": HiddenPlan("leaky_relu", norm_first=False),
    }


def width(resolution: int, base: int, largest: int) -> int:
    """Feature maps at a resolution: min(base / 2^(log2(resolution) - 1), largest)."""
    return max(1, min(2 * base // resolution, largest))


def resolutions(last: int) -> list[int]:
    """4, 8, ... up to the last."""
    return [2**k for k in range(2, int(math.log2(last)) + 1)]


def picture_sizes(resolution: int, fades: bool) -> list[int]:
    """Where a network meets pictures: at its own resolution and, while it fades in, at the one below."""
    return [resolution // 2, resolution] if fades else [resolution]


class LatentToSquare(EqualizedWeight):
    """Latent (B, latent) -> (B, width, 4, 4), with one bias a map.

    The gain sqrt(2)/4 makes up for the Theano original, which counted 16 times the fan-in here.
    """

    def __init__(self, latent: int, maps: int) -> None:
        super().__init__((maps * 16, latent), gain=math.sqrt(2.0) / 4, bias=maps)

    def forward(self, z: Tensor) -> Tensor:
        x = nn.functional.linear(z, self.scaled()).view(len(z), -1, 4, 4)
        return x.contiguous(memory_format=torch.channels_last) + self.bias[:, None, None]


class GrowBlock(nn.Module):
    """Doubling convolution and plain convolution, each followed by leaky ReLU and pixel norm unless planned otherwise."""

    def __init__(self, inputs: int, outputs: int, hidden: HiddenPlan) -> None:
        super().__init__()
        self.up = UpConv2d(inputs, outputs)
        self.conv = EqualizedConv2d(outputs, outputs, 3)
        self.after_up, self.after_conv = Hidden(outputs, hidden), Hidden(outputs, hidden)

    def forward(self, x: Tensor, labels: Tensor | None) -> Tensor:
        x = self.after_up(self.up(x), labels)
        finished: Tensor = self.after_conv(self.conv(x), labels)
        return finished


class Generator(nn.Module):
    """Latent (B, latent), any length, normalised inside -> picture (B, channels, R, R), linear, about [-1, 1].

    With `fades`, the way to a picture at the resolution below is kept, and `alpha` is the weight of the newest
    block: below 1 the picture is a blend with the doubled picture of the resolution below, as before growing.
    `attention` makes, by resolution, a layer of so many channels put after that resolution's block. With `classes`,
    a learned vector of `class_width` a class is put beside the latent.
    """

    def __init__(
        self,
        resolution: int,
        channels: int,
        latent: int,
        base: int,
        largest: int,
        fades: bool = False,
        hidden: HiddenPlan | None = None,
        attention: dict[int, MakeNorm] | None = None,
        classes: int = 0,
        class_width: int = 0,
    ) -> None:
        super().__init__()
        self.resolution, self.latent, self.channels, self.alpha = resolution, latent, channels, 1.0
        hidden, attention = hidden or hidden_plans()["generator"], attention or {}
        sizes = resolutions(resolution)
        maps = {r: width(r, base, largest) for r in sizes}
        self.input = LatentWithClass(classes, class_width)
        self.start = LatentToSquare(latent + self.input.added, maps[4])
        self.conv = EqualizedConv2d(maps[4], maps[4], 3)
        self.after_start, self.after_conv = Hidden(maps[4], hidden), Hidden(maps[4], hidden)
        self.blocks = nn.ModuleDict({str(r): GrowBlock(maps[r // 2], maps[r], hidden) for r in sizes[1:]})
        self.attention = nn.ModuleDict({str(r): make(maps[r]) for r, make in attention.items() if r in maps})
        self.to_rgb = nn.ModuleDict(
            {str(r): EqualizedConv2d(maps[r], channels, 1, gain=1.0) for r in picture_sizes(resolution, fades)}
        )

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        x = self.after_start(self.start(pixel_norm(self.input(z, labels))), labels)
        x = self.after_conv(self.conv(x), labels)
        x = self.attention["4"](x) if "4" in self.attention else x
        below = x
        for size, block in self.blocks.items():
            below, x = x, block(x, labels)
            x = self.attention[size](x) if size in self.attention else x
        picture: Tensor = self.to_rgb[str(self.resolution)](x)
        if self.alpha < 1:
            old = double(self.to_rgb[str(self.resolution // 2)](below))
            picture = old.lerp(picture, self.alpha)
        return picture


class ShrinkBlock(nn.Module):
    """Plain convolution and halving convolution, each followed by leaky ReLU unless planned otherwise.

    `pool_first`: convolve and pool, then bias and leaky ReLU (the released networks). `activate_first`:
    convolve, bias, leaky ReLU, then pool (table 2 of the paper). They are two different functions.
    """

    def __init__(self, inputs: int, outputs: int, order: DownOrder, hidden: HiddenPlan) -> None:
        super().__init__()
        self.conv = EqualizedConv2d(inputs, inputs, 3)
        self.after_conv, self.after_down = Hidden(inputs, hidden), Hidden(outputs, hidden)
        self.down = DownConv2d(inputs, outputs) if order == "pool_first" else EqualizedConv2d(inputs, outputs, 3)
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        x = self.after_down(self.down(self.after_conv(self.conv(x))))
        return x if self.order == "pool_first" else halve(x)


class Discriminator(nn.Module):
    """Pictures (B, channels, R, R) -> logits (B,).

    `statistics`, if given, is put before the last convolution: a module (B, C, 4, 4) -> (B, C + added, 4, 4)
    with its `added_features`; `similarity` and `classes` as in `espalier.models.ends.Judgement`; `fades`, `alpha` and
    `attention` as in the generator. If `features` is a list, each block's output is appended to it.
    """

    def __init__(
        self,
        resolution: int,
        channels: int,
        base: int,
        largest: int,
        down_order: DownOrder = "pool_first",
        statistics: nn.Module | None = None,
        fades: bool = False,
        hidden: HiddenPlan | None = None,
        attention: dict[int, MakeNorm] | None = None,
        similarity: nn.Module | None = None,
        classes: int = 0,
    ) -> None:
        super().__init__()
        self.resolution, self.channels, self.alpha = resolution, channels, 1.0
        hidden, attention = hidden or hidden_plans()["discriminator"], attention or {}
        sizes = resolutions(resolution)
        maps = {r: width(r, base, largest) for r in sizes}
        self.from_rgb = nn.ModuleDict(
            {str(r): EqualizedConv2d(channels, maps[r], 1) for r in picture_sizes(resolution, fades)}
        )
        self.blocks = nn.ModuleDict(
            {str(r): ShrinkBlock(maps[r], maps[r // 2], down_order, hidden) for r in reversed(sizes[1:])}
        )
        self.attention = nn.ModuleDict({str(r): make(maps[r]) for r, make in attention.items() if r in maps})
        self.statistics = statistics
        added = 0 if statistics is None else int(statistics.added_features)  # type: ignore[arg-type]
        last = min(base, largest)
        self.conv = EqualizedConv2d(maps[4] + added, maps[4], 3)
        self.dense = EqualizedLinear(maps[4] * 16, last)
        self.after_conv, self.after_dense = Hidden(maps[4], hidden), Hidden(last, hidden)
        self.logit = Judgement(last, partial(EqualizedLinear, gain=1.0), similarity, classes)

    def forward(self, pictures: Tensor, features: list[Tensor] | None = None, labels: Tensor | None = None) -> Tensor:
        x = leaky_relu(self.from_rgb[str(self.resolution)](pictures))
        x = self.attention[str(self.resolution)](x) if str(self.resolution) in self.attention else x
        for size, block in self.blocks.items():
            x = block(x)
            if int(size) == self.resolution and self.alpha < 1:
                old = leaky_relu(self.from_rgb[str(self.resolution // 2)](halve(pictures)))
                x = old.lerp(x, self.alpha)
            if str(int(size) // 2) in self.attention:
                x = self.attention[str(int(size) // 2)](x)
            if features is not None:
                features.append(x)
        if self.statistics is not None:
            x = self.statistics(x)
        x = self.after_dense(self.dense(self.after_conv(self.conv(x)).flatten(1)))
        logits: Tensor = self.logit(x, features, labels)
        return logits
