"""R3GAN's two networks: residual blocks with grouped convolutions, Fix-up initialisation, and no normalisation of any kind.

    block:  x + conv1x1(act(conv3x3_grouped(act(conv1x1(x) + b1)) + b2)),   act = LeakyReLU(0.2),  2 C channels inside

Source: Huang et al., "The GAN is dead; long live the GAN!", configuration E, and its release (`R3GAN/Networks.py`). The release
conditions on classes by its own linear layers; here classes come in by the tricks class_embedding and projection, as in all
networks.
"""

import math
from functools import partial

import torch
from torch import Tensor, nn

from espalier.models.ends import Judgement, LatentWithClass, added_features
from espalier.models.layers import blend, double, halve, leaky_relu
from espalier.models.progan import image_sizes, resolutions, width
from espalier.models.resampling import down_filtered, up_filtered

EXPANSION = 2


def cardinality(maps: int, group_size: int) -> int:
    """Groups of the 3x3 convolution in a block of this width: of `group_size` channels, or of more if that does not divide."""
    inside = EXPANSION * maps
    return next(groups for groups in range(max(1, inside // group_size), 0, -1) if inside % groups == 0)


@torch.no_grad()
def _drawn(layer: nn.Module, gain: float) -> None:
    weight = layer.weight
    assert isinstance(weight, Tensor)
    weight.normal_(std=gain / math.sqrt(weight[0].numel())) if gain else weight.zero_()


def _convolution(inputs: int, outputs: int, kernel: int = 1, groups: int = 1, gain: float = 1.0) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)
    _drawn(layer, gain)
    return layer


class Bias(nn.Module):
    """x + bias by channel, then leaky ReLU without gain."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(maps))

    def forward(self, x: Tensor) -> Tensor:
        return leaky_relu(x + self.bias.to(x.dtype)[:, None, None])


class Block(nn.Module):
    """(B, maps, H, W) -> the same shape; the identity when training begins. `blocks`: residual blocks of the whole network."""

    def __init__(self, maps: int, group_size: int, blocks: int) -> None:
        super().__init__()
        inside, groups = EXPANSION * maps, cardinality(maps, group_size)
        gain = math.sqrt(2 / (1 + 0.2**2)) * blocks ** (-1 / 4)  # Fix-up for 3 layers: L^(-1 / (2 * 3 - 2))
        self.expand = _convolution(maps, inside, gain=gain)
        self.mix = _convolution(inside, inside, 3, groups, gain)
        self.reduce = _convolution(inside, maps, gain=0.0)
        self.after_expand, self.after_mix = Bias(inside), Bias(inside)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.reduce(self.after_mix(self.mix(self.after_expand(self.expand(x)))))
        return x + y


def _stage(maps: int, group_size: int, count: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(*(Block(maps, group_size, blocks) for _ in range(count)))


class Up(nn.Module):
    """A 1x1 convolution if the width changes, then twice the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.widen = _convolution(inputs, outputs) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return up_filtered(self.widen(x))


class Down(nn.Module):
    """Half the size, then a 1x1 convolution if the width changes."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.widen = _convolution(inputs, outputs) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.widen(down_filtered(x))
        return made


class Generator(nn.Module):
    """Latent (B, latent) -> image (B, channels, R, R), linear, about [-1, 1]. `fades` and `alpha` as in ProGAN."""

    def __init__(
        self,
        resolution: int,
        channels: int,
        latent: int,
        base: int,
        largest: int,
        blocks: int,
        group_size: int,
        fades: bool = False,
        classes: int = 0,
        class_width: int = 0,
        shape: tuple[int, int] = (4, 4),
    ) -> None:
        super().__init__()
        self.resolution, self.latent, self.channels, self.alpha = resolution, latent, channels, 1.0
        sizes = resolutions(resolution)
        maps = {r: width(r, base, largest) for r in sizes}
        self.input = LatentWithClass(classes, class_width)
        self.basis = nn.Parameter(torch.randn(maps[4], *shape))
        self.start = nn.Linear(latent + self.input.added, maps[4], bias=False)
        _drawn(self.start, 1.0)
        self.up = nn.ModuleDict({str(r): Up(maps[r // 2], maps[r]) for r in sizes[1:]})
        self.blocks = nn.ModuleDict({str(r): _stage(maps[r], group_size, blocks, blocks * len(sizes)) for r in sizes})
        self.to_rgb = nn.ModuleDict({str(r): _convolution(maps[r], channels) for r in image_sizes(resolution, fades)})

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        scale = self.start(self.input(z, labels))
        x = self.basis.to(scale.dtype) * scale[:, :, None, None]
        below = x
        for size, block in self.blocks.items():
            below, x = x, block(self.up[size](x) if size in self.up else x)
        image: Tensor = self.to_rgb[str(self.resolution)](x)
        if self.alpha < 1:
            image = blend(double(self.to_rgb[str(self.resolution // 2)](below)), image, self.alpha)
        return image


class Discriminator(nn.Module):
    """Images (B, channels, R, R) -> logits (B,). If `features` is a list, each resolution's output is appended to it.

    `statistics`, `similarity` and `classes` as in ProGAN; statistics come before the last, depthwise convolution.
    """

    def __init__(
        self,
        resolution: int,
        channels: int,
        base: int,
        largest: int,
        blocks: int,
        group_size: int,
        statistics: nn.Module | None = None,
        similarity: nn.Module | None = None,
        classes: int = 0,
        fades: bool = False,
        shape: tuple[int, int] = (4, 4),
    ) -> None:
        super().__init__()
        self.resolution, self.channels, self.alpha = resolution, channels, 1.0
        sizes = resolutions(resolution)
        maps = {r: width(r, base, largest) for r in sizes}
        self.from_rgb = nn.ModuleDict({str(r): _convolution(channels, maps[r]) for r in image_sizes(resolution, fades)})
        self.blocks = nn.ModuleDict(
            {str(r): _stage(maps[r], group_size, blocks, blocks * len(sizes)) for r in reversed(sizes)}
        )
        self.down = nn.ModuleDict({str(r): Down(maps[r], maps[r // 2]) for r in reversed(sizes[1:])})
        self.statistics = statistics
        last = maps[4] + added_features(statistics)
        self.basis = nn.Conv2d(last, last, shape, groups=last, bias=False)
        _drawn(self.basis, 1.0)
        self.logit = Judgement(last, partial(nn.Linear, bias=False), similarity, classes)
        _drawn(self.logit.linear, 1.0)
        self.logit.initialise_classes()

    def forward(self, images: Tensor, features: list[Tensor] | None = None, labels: Tensor | None = None) -> Tensor:
        x = self.from_rgb[str(self.resolution)](images)
        for size, block in self.blocks.items():
            x = block(x)
            if features is not None:
                features.append(x)
            x = self.down[size](x) if size in self.down else x
            if int(size) == self.resolution and self.alpha < 1:
                x = blend(self.from_rgb[str(self.resolution // 2)](halve(images)), x, self.alpha)
        if self.statistics is not None:
            x = self.statistics(x)
        logits: Tensor = self.logit(self.basis(x).flatten(1), features, labels)
        return logits
