"""ProGAN's two networks at one resolution, keeping the path of the next lower resolution for fading in.

Source: Karras et al., "Progressive Growing of GANs", table 2 and section 3; where the paper and the released
TensorFlow network differ, this follows the release (which made the published images); the paper's order is an option.
"""

import math
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from espalier.models.convolution import shifted
from espalier.models.ends import Judgement, LatentWithClass, added_features
from espalier.models.hidden import Hidden, HiddenPlan
from espalier.models.layers import (
    DownConv2d,
    EqualizedConv2d,
    EqualizedLinear,
    EqualizedWeight,
    UpConv2d,
    blend,
    double,
    halve,
    leaky_relu,
    pixel_norm,
)
from espalier.models.norms import NORMS, MakeNorm

DownOrder = Literal["pool_first", "activate_first"]


def hidden_plans() -> dict[str, HiddenPlan]:
    """The steps after hidden layers, before tricks change them: leaky ReLU, then in the generator pixel norm."""
    return {
        "generator": HiddenPlan("leaky_relu", NORMS["pixel"], norm_first=False),
        "discriminator": HiddenPlan("leaky_relu", norm_first=False),
    }


def width(resolution: int, base: int, largest: int) -> int:
    """Feature maps at a resolution: min(base / 2^(log2(resolution) - 1), largest)."""
    return max(1, min(2 * base // resolution, largest))


def resolutions(last: int) -> list[int]:
    """4, 8, ... up to `last`."""
    return [2**k for k in range(2, int(math.log2(last)) + 1)]


def image_sizes(resolution: int, fades: bool) -> list[int]:
    """Resolutions at which a network takes or makes images: its own and, while fading in, the next lower one."""
    return [resolution // 2, resolution] if fades else [resolution]


class LatentToSquare(EqualizedWeight):
    """Latent (B, latent) -> (B, width, 4, 4), or of another `shape`, with one bias per channel.

    The gain sqrt(2)/4 matches the Theano original, which used 16 times the fan-in here.
    """

    def __init__(self, latent: int, maps: int, shape: tuple[int, int] = (4, 4)) -> None:
        super().__init__((maps * shape[0] * shape[1], latent), gain=math.sqrt(2.0) / 4, bias=maps)
        self.shape = shape

    def forward(self, z: Tensor) -> Tensor:
        x = nn.functional.linear(z, self.scaled()).view(len(z), -1, *self.shape)
        return shifted(x.contiguous(memory_format=torch.channels_last), self.bias)


class GrowBlock(nn.Module):
    """Upsampling and plain convolution, each followed by leaky ReLU and pixel norm unless `hidden` says otherwise."""

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
    """Latent (B, latent), any length, normalised inside -> image (B, channels, R, R), linear, about [-1, 1].

    With `fades`, the output layer of the next lower resolution is kept, and `alpha` is the weight of the newest block:
    below 1 the image is a blend with the upsampled image of the lower resolution, as before growing.
    `attention` maps a resolution to a function (channels) -> layer, placed after that resolution's block. With
    `classes`, a learned class embedding of length `class_width` is concatenated to the latent.
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
        shape: tuple[int, int] = (4, 4),
    ) -> None:
        super().__init__()
        self.resolution, self.latent, self.channels, self.alpha = resolution, latent, channels, 1.0
        hidden, attention = hidden or hidden_plans()["generator"], attention or {}
        sizes = resolutions(resolution)
        maps = {r: width(r, base, largest) for r in sizes}
        self.input = LatentWithClass(classes, class_width)
        self.start = LatentToSquare(latent + self.input.added, maps[4], shape)
        self.conv = EqualizedConv2d(maps[4], maps[4], 3)
        self.after_start, self.after_conv = Hidden(maps[4], hidden), Hidden(maps[4], hidden)
        self.blocks = nn.ModuleDict({str(r): GrowBlock(maps[r // 2], maps[r], hidden) for r in sizes[1:]})
        self.attention = nn.ModuleDict({str(r): make(maps[r]) for r, make in attention.items() if r in maps})
        self.to_rgb = nn.ModuleDict(
            {str(r): EqualizedConv2d(maps[r], channels, 1, gain=1.0) for r in image_sizes(resolution, fades)}
        )

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        x = self.after_start(self.start(pixel_norm(self.input(z, labels))), labels)
        x = self.after_conv(self.conv(x), labels)
        x = self.attention["4"](x) if "4" in self.attention else x
        below = x
        for size, block in self.blocks.items():
            below, x = x, block(x, labels)
            x = self.attention[size](x) if size in self.attention else x
        image: Tensor = self.to_rgb[str(self.resolution)](x)
        if self.alpha < 1:
            old = double(self.to_rgb[str(self.resolution // 2)](below))
            image = blend(old, image, self.alpha)
        return image


class ShrinkBlock(nn.Module):
    """Plain and downsampling convolution, each followed by leaky ReLU unless `hidden` says otherwise.

    `pool_first`: convolve and pool, then bias and leaky ReLU (the released networks). `activate_first`:
    convolve, bias, leaky ReLU, then pool (table 2 of the paper). The two are different functions.
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
    """Images (B, channels, R, R) -> logits (B,).

    `statistics`, if given, is placed before the last convolution: a module (B, C, 4, 4) -> (B, C + added, 4, 4)
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
        shape: tuple[int, int] = (4, 4),
    ) -> None:
        super().__init__()
        self.resolution, self.channels, self.alpha = resolution, channels, 1.0
        hidden, attention = hidden or hidden_plans()["discriminator"], attention or {}
        sizes = resolutions(resolution)
        maps = {r: width(r, base, largest) for r in sizes}
        self.from_rgb = nn.ModuleDict(
            {str(r): EqualizedConv2d(channels, maps[r], 1) for r in image_sizes(resolution, fades)}
        )
        self.blocks = nn.ModuleDict(
            {str(r): ShrinkBlock(maps[r], maps[r // 2], down_order, hidden) for r in reversed(sizes[1:])}
        )
        self.attention = nn.ModuleDict({str(r): make(maps[r]) for r, make in attention.items() if r in maps})
        self.statistics = statistics
        added = added_features(statistics)
        last = min(base, largest)
        self.conv = EqualizedConv2d(maps[4] + added, maps[4], 3)
        self.dense = EqualizedLinear(maps[4] * shape[0] * shape[1], last)
        self.after_conv, self.after_dense = Hidden(maps[4], hidden), Hidden(last, hidden)
        self.logit = Judgement(last, partial(EqualizedLinear, gain=1.0), similarity, classes)

    def forward(self, images: Tensor, features: list[Tensor] | None = None, labels: Tensor | None = None) -> Tensor:
        x = leaky_relu(self.from_rgb[str(self.resolution)](images))
        x = self.attention[str(self.resolution)](x) if str(self.resolution) in self.attention else x
        for size, block in self.blocks.items():
            x = block(x)
            if int(size) == self.resolution and self.alpha < 1:
                old = leaky_relu(self.from_rgb[str(self.resolution // 2)](halve(images)))
                x = blend(old, x, self.alpha)
            if str(int(size) // 2) in self.attention:
                x = self.attention[str(int(size) // 2)](x)
            if features is not None:
                features.append(x)
        if self.statistics is not None:
            x = self.statistics(x)
        x = self.after_dense(self.dense(self.after_conv(self.conv(x)).flatten(1)))
        logits: Tensor = self.logit(x, features, labels)
        return logits
