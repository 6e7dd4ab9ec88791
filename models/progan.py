"""ProGAN's two networks at one resolution, with the path of the resolution below kept for fading in.

Source: Karras et al., "Progressive Growing of GANs", table 2 and section 3; where the paper and the released
TensorFlow network differ, the release (which made the published pictures), with the paper's order as an option.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from models.layers import (
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

DownOrder = Literal["pool_first", "activate_first"]


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
    """Doubling convolution and plain convolution, each with leaky ReLU and pixel norm."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.up = UpConv2d(inputs, outputs)
        self.conv = EqualizedConv2d(outputs, outputs, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = pixel_norm(leaky_relu(self.up(x)))
        return pixel_norm(leaky_relu(self.conv(x)))


class Generator(nn.Module):
    """Latent (B, latent), any length, normalised inside -> picture (B, channels, R, R), linear, about [-1, 1].

    With `fades`, the way to a picture at the resolution below is kept, and `alpha` is the weight of the newest
    block: below 1 the picture is a blend with the doubled picture of the resolution below, as before growing.
    """

    def __init__(
        self, resolution: int, channels: int, latent: int, base: int, largest: int, fades: bool = False
    ) -> None:
        super().__init__()
        self.resolution, self.latent, self.channels, self.alpha = resolution, latent, channels, 1.0
        sizes = resolutions(resolution)
        maps = {r: width(r, base, largest) for r in sizes}
        self.start = LatentToSquare(latent, maps[4])
        self.conv = EqualizedConv2d(maps[4], maps[4], 3)
        self.blocks = nn.ModuleDict({str(r): GrowBlock(maps[r // 2], maps[r]) for r in sizes[1:]})
        self.to_rgb = nn.ModuleDict(
            {str(r): EqualizedConv2d(maps[r], channels, 1, gain=1.0) for r in picture_sizes(resolution, fades)}
        )

    def forward(self, z: Tensor) -> Tensor:
        x = pixel_norm(leaky_relu(self.start(pixel_norm(z))))
        x = pixel_norm(leaky_relu(self.conv(x)))
        below = x
        for block in self.blocks.values():
            below, x = x, block(x)
        picture: Tensor = self.to_rgb[str(self.resolution)](x)
        if self.alpha < 1:
            old = double(self.to_rgb[str(self.resolution // 2)](below))
            picture = old.lerp(picture, self.alpha)
        return picture


class ShrinkBlock(nn.Module):
    """Plain convolution and halving convolution with leaky ReLU; the order of the second is the release's.

    `pool_first`: convolve and pool, then bias and leaky ReLU (the released networks). `activate_first`:
    convolve, bias, leaky ReLU, then pool (table 2 of the paper). They are two different functions.
    """

    def __init__(self, inputs: int, outputs: int, order: DownOrder) -> None:
        super().__init__()
        self.conv = EqualizedConv2d(inputs, inputs, 3)
        self.down = DownConv2d(inputs, outputs) if order == "pool_first" else EqualizedConv2d(inputs, outputs, 3)
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        x = leaky_relu(self.down(leaky_relu(self.conv(x))))
        return x if self.order == "pool_first" else halve(x)


class Discriminator(nn.Module):
    """Pictures (B, channels, R, R) -> logits (B,).

    `statistics`, if given, is put before the last convolution: a module (B, C, 4, 4) -> (B, C + added, 4, 4)
    with its `added_channels`. `fades` and `alpha` as in the generator. If `features` is a list, each block's
    output is appended to it.
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
    ) -> None:
        super().__init__()
        self.resolution, self.channels, self.alpha = resolution, channels, 1.0
        sizes = resolutions(resolution)
        maps = {r: width(r, base, largest) for r in sizes}
        self.from_rgb = nn.ModuleDict(
            {str(r): EqualizedConv2d(channels, maps[r], 1) for r in picture_sizes(resolution, fades)}
        )
        self.blocks = nn.ModuleDict(
            {str(r): ShrinkBlock(maps[r], maps[r // 2], down_order) for r in reversed(sizes[1:])}
        )
        self.statistics = statistics
        added = 0 if statistics is None else int(statistics.added_channels)  # type: ignore[arg-type]
        self.conv = EqualizedConv2d(maps[4] + added, maps[4], 3)
        self.dense = EqualizedLinear(maps[4] * 16, min(base, largest))
        self.logit = EqualizedLinear(min(base, largest), 1, gain=1.0)

    def forward(self, pictures: Tensor, features: list[Tensor] | None = None) -> Tensor:
        x = leaky_relu(self.from_rgb[str(self.resolution)](pictures))
        for size, block in self.blocks.items():
            x = block(x)
            if int(size) == self.resolution and self.alpha < 1:
                old = leaky_relu(self.from_rgb[str(self.resolution // 2)](halve(pictures)))
                x = old.lerp(x, self.alpha)
            if features is not None:
                features.append(x)
        if self.statistics is not None:
            x = self.statistics(x)
        x = leaky_relu(self.dense(leaky_relu(self.conv(x)).flatten(1)))
        if features is not None:
            features.append(x)
        logits: Tensor = self.logit(x)
        return logits.flatten()
