"""Projected GAN's discriminator: four small heads on frozen features, which are mixed by fixed random weights.

    features at strides 4, 8, 16, 32  ->  1x1 to 64, 128, 256, 512 channels (cross-channel mixing)
    from the deepest up:  add the next, a residual unit, double, 1x1 (cross-scale mixing)  ->  64, 64, 128, 256 channels
    each to a head: halved until small, then a 4x4 convolution to one logit a place; spectral norm in every convolution

Source: Sauer et al., "Projected GANs Converge Faster", section 4, and the release. The features are frozen and no part of this
network's weights; the mixing weights keep their initial values, and are part of it. Images are fed at 96x96 by default, not
224x224, which costs a CPU a tenth.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from espalier.models.hidden import Hidden, HiddenPlan
from espalier.models.layers import wide

Taps = Callable[[Tensor], list[Tensor]]
"""Images (B, channels, R, R) in [-1, 1] -> frozen features at strides 4, 8, 16 and 32."""
MIXED, FUSED = (64, 128, 256, 512), (64, 64, 128, 256)
"""Channels after cross-channel and after cross-scale mixing, from the largest map down."""
SMALL = 12
"""Maps are halved while their side is at least this."""


class Fixed(nn.Module):
    """A convolution that is never trained: its weights are buffers with the usual initial values."""

    weight: Tensor
    bias: Tensor

    def __init__(self, inputs: int, outputs: int, kernel: int = 1) -> None:
        super().__init__()
        layer = nn.Conv2d(inputs, outputs, kernel)
        self.padding = kernel // 2
        self.register_buffer("weight", layer.weight.detach().clone())
        assert layer.bias is not None
        self.register_buffer("bias", layer.bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, padding=self.padding)


class Fusion(nn.Module):
    """Adds the map one scale up, if there is one, then a residual unit, twice the size, and a 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = Fixed(inputs, inputs, 3), Fixed(inputs, inputs, 3)
        self.out = Fixed(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.second(F.relu(self.first(F.relu(x))))
        doubled: Tensor = self.out(F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=True))
        return doubled


class Mixing(nn.Module):
    """Four maps of features -> four mixed maps of twice the size, from the largest."""

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        self.channels = nn.ModuleList(Fixed(a, b) for a, b in zip(widths, MIXED, strict=True))
        self.scales = nn.ModuleList(Fusion(a, b) for a, b in zip(MIXED, FUSED, strict=True))

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        mixed = [layer(x) for layer, x in zip(self.channels, maps, strict=True)]
        found = [self.scales[3](mixed[3])]
        for k in (2, 1, 0):
            found.append(self.scales[k](mixed[k] + found[-1]))
        return found[::-1]


class Head(nn.Module):
    """A map (B, inputs, s, s) -> logits (B, places)."""

    def __init__(self, inputs: int, side: int, largest: int, hidden: HiddenPlan) -> None:
        super().__init__()
        self.downs, self.after = nn.ModuleList(), nn.ModuleList()
        maps = inputs
        while side >= SMALL:
            outputs = min(2 * maps, max(largest, inputs))
            self.downs.append(spectral_norm(nn.Conv2d(maps, outputs, 4, stride=2, padding=1, bias=False)))
            self.after.append(Hidden(outputs, hidden))
            maps, side = outputs, side // 2
        self.logit = spectral_norm(nn.Conv2d(maps, 1, min(4, side), bias=False))

    def forward(self, x: Tensor, features: list[Tensor] | None) -> Tensor:
        for down, after in zip(self.downs, self.after, strict=True):
            x = after(down(x))
        if features is not None:
            features.append(x)
        logits: Tensor = self.logit(x)
        return wide(logits).flatten(1)


class Discriminator(nn.Module):
    """Images (B, channels, R, R) -> logits (B x places,) of all heads. If `features` is a list, each head's last map is appended.

    `taps` and `widths`: the frozen features and their channels. Images below `side`, and
    those that are not square, are resized to a square of it, bilinearly.
    """

    def __init__(
        self,
        resolution: int,
        side: int,
        largest: int,
        taps: Taps,
        widths: list[int],
        hidden: HiddenPlan,
        shape: tuple[int, int] = (4, 4),
    ) -> None:
        super().__init__()
        self.square = shape == (4, 4)
        self.resolution, self.alpha = resolution, 1.0
        self.side, self.taps = max(side, resolution), taps
        self.mixing = Mixing(widths)
        sides = [2 * self.side // stride for stride in (4, 8, 16, 32)]
        self.heads = nn.ModuleList(Head(maps, s, largest, hidden) for maps, s in zip(FUSED, sides, strict=True))

    def forward(self, images: Tensor, features: list[Tensor] | None = None, condition: object = None) -> Tensor:
        if images.shape[-1] < self.side or not self.square:
            images = F.interpolate(images, size=(self.side, self.side), mode="bilinear", align_corners=False)
        maps = self.mixing(self.taps(images))
        return torch.cat([head(x, features) for head, x in zip(self.heads, maps, strict=True)], dim=1).flatten()
