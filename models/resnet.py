"""The residual networks of SNGAN and SAGAN at any power of two from 8 up.

Source: Miyato et al., "Spectral Normalization for Generative Adversarial Networks", tables 3 and 4, and its release
(`gen_models/resnet_32.py`, `dis_models/snresnet_32.py`): 256 and 128 channels everywhere, global sum pooling. Spectral norm
is a trick, and so is self-attention (SAGAN), at the resolutions given to it.
"""

import math

import torch
from torch import Tensor, nn

from espalier.models.convolution import Conv2d
from espalier.models.ends import Judgement, LatentWithClass, added_features
from espalier.models.hidden import Hidden, HiddenPlan
from espalier.models.layers import blend, double, halve
from espalier.models.norms import MakeNorm
from espalier.models.progan import image_sizes, resolutions
from espalier.models.resizing import Up, UpConvolution

SMALLEST_DOWN = 8
"""The discriminator downsamples to this side; two more blocks keep it."""


def _glorot(module: nn.Module, gain: float = 1.0) -> None:
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight, gain)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class UpBlock(nn.Module):
    """norm, ReLU, upsampling convolution, norm, ReLU, convolution; plus the input, upsampled after a 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int, up: Up, hidden: HiddenPlan) -> None:
        super().__init__()
        self.up, self.conv = UpConvolution(inputs, outputs, 3, up), nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1)
        _glorot(self.up, math.sqrt(2))
        _glorot(self.conv, math.sqrt(2))
        _glorot(self.shortcut)
        self.before_up, self.before_conv = Hidden(inputs, hidden), Hidden(outputs, hidden)

    def forward(self, x: Tensor, labels: Tensor | None) -> Tensor:
        y = self.conv(self.before_conv(self.up(self.before_up(x, labels)), labels))
        together: Tensor = double(self.shortcut(x)) + y
        return together


class Generator(nn.Module):
    """Latent (B, latent) -> image (B, channels, R, R) in [-1, 1] by tanh; `width` channels at every resolution.

    `fades` and `alpha` as in ProGAN; the two images are blended after their tanh.
    """

    def __init__(
        self,
        resolution: int,
        channels: int,
        latent: int,
        width: int,
        up: Up,
        hidden: HiddenPlan,
        attention: dict[int, MakeNorm] | None = None,
        classes: int = 0,
        class_width: int = 0,
        fades: bool = False,
    ) -> None:
        super().__init__()
        self.resolution, self.latent, self.channels, self.alpha = resolution, latent, channels, 1.0
        sizes = resolutions(resolution)
        self.input = LatentWithClass(classes, class_width)
        self.start = nn.Linear(latent + self.input.added, width * 16)
        ends = image_sizes(resolution, fades)
        self.to_image = nn.ModuleDict({str(r): nn.Conv2d(width, channels, 3, padding=1) for r in ends})
        _glorot(self)
        self.blocks = nn.ModuleDict({str(r): UpBlock(width, width, up, hidden) for r in sizes[1:]})
        self.attention = nn.ModuleDict({str(r): make(width) for r, make in (attention or {}).items() if r in sizes})
        self.last = nn.ModuleDict({str(r): Hidden(width, hidden) for r in ends})

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        x = self.start(self.input(z, labels)).view(len(z), -1, 4, 4)
        x = self.attention["4"](x) if "4" in self.attention else x
        below = x
        for size, block in self.blocks.items():
            below, x = x, block(x, labels)
            x = self.attention[size](x) if size in self.attention else x
        image = self._image(x, self.resolution, labels)
        if self.alpha < 1:
            image = blend(double(self._image(below, self.resolution // 2, labels)), image, self.alpha)
        return image

    def _image(self, x: Tensor, size: int, labels: Tensor | None) -> Tensor:
        return torch.tanh(self.to_image[str(size)](self.last[str(size)](x, labels)))


class DownBlock(nn.Module):
    """ReLU, convolution, ReLU, convolution, downsampling if `halves`; plus the input through a 1x1 convolution.

    The `first` block takes images, so it has no leading ReLU, and its shortcut downsamples before it convolves.
    """

    def __init__(self, inputs: int, outputs: int, halves: bool, first: bool, hidden: HiddenPlan) -> None:
        super().__init__()
        self.halves, self.first = halves, first
        self.conv1 = Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = Conv2d(inputs, outputs, 1) if halves or inputs != outputs else nn.Identity()
        _glorot(self.conv1, math.sqrt(2))
        _glorot(self.conv2, math.sqrt(2))
        _glorot(self.shortcut)
        self.before1 = nn.Identity() if first else Hidden(inputs, hidden)
        self.before2 = Hidden(outputs, hidden)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(self.before2(self.conv1(self.before1(x))))
        if not self.halves:
            return y + self.shortcut(x)  # type: ignore[no-any-return]
        shortcut: Tensor = self.shortcut(halve(x)) if self.first else halve(self.shortcut(x))
        return shortcut + halve(y)


class Discriminator(nn.Module):
    """Images (B, channels, R, R) -> logits (B,). If `features` is a list, each block's output is appended to it.

    `statistics`, `similarity` and `classes` as in ProGAN; statistics come before the last ReLU and the sum over positions.
    """

    def __init__(
        self,
        resolution: int,
        channels: int,
        width: int,
        hidden: HiddenPlan,
        attention: dict[int, MakeNorm] | None = None,
        statistics: nn.Module | None = None,
        similarity: nn.Module | None = None,
        classes: int = 0,
        fades: bool = False,
    ) -> None:
        super().__init__()
        self.resolution, self.channels, self.alpha = resolution, channels, 1.0
        sizes = [resolution // 2]
        while sizes[-1] > SMALLEST_DOWN:
            sizes.append(sizes[-1] // 2)
        of_images = sizes[: 2 if fades else 1]
        self.from_image = nn.ModuleDict({str(r): DownBlock(channels, width, True, True, hidden) for r in of_images})
        halving = {str(r): DownBlock(width, width, True, False, hidden) for r in sizes[1:]}
        flat = {name: DownBlock(width, width, False, False, hidden) for name in ("flat1", "flat2")}
        self.blocks = nn.ModuleDict(halving | flat)
        makers = (attention or {}).items()
        self.attention = nn.ModuleDict({str(r): make(width) for r, make in makers if r in sizes})
        self.statistics = statistics
        added = added_features(statistics)
        self.logit = Judgement(width + added, nn.Linear, similarity, classes)
        _glorot(self.logit)
        self.logit.initialise_classes()
        self.last = Hidden(width + added, HiddenPlan(hidden.activation))

    def forward(self, images: Tensor, features: list[Tensor] | None = None, labels: Tensor | None = None) -> Tensor:
        x = images
        for size in (str(self.resolution // 2), *self.blocks):
            x = self._halved(x, size, images)
            x = self.attention[size](x) if size in self.attention else x
            if features is not None:
                features.append(x)
        if self.statistics is not None:
            x = self.statistics(x)
        logits: Tensor = self.logit(self.last(x).sum((2, 3)), features, labels)
        return logits

    def _halved(self, x: Tensor, size: str, images: Tensor) -> Tensor:
        """The output of a block, which is blended with that of the parent's first block while it fades."""
        if size not in self.blocks:
            first: Tensor = self.from_image[size](x)
            return first
        made: Tensor = self.blocks[size](x)
        if self.alpha < 1 and size == str(self.resolution // 4):
            return blend(self.from_image[size](halve(images)), made, self.alpha)
        return made
