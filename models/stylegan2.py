"""StyleGAN2's two networks: a mapping to styles, modulated convolutions, RGB outputs that add up, a residual discriminator.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", configuration F, and the released
`training/networks.py` of StyleGAN2-ADA. Modulation scales activations before and after a convolution with shared weights, which
is exact and the release's form in training. The embedding of a class, mapped beside the latent, is that of class_embedding.
"""

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from espalier.models import processes
from espalier.models.convolution import conv2d
from espalier.models.ends import Judgement, LatentWithClass, added_features
from espalier.models.layers import (
    EqualizedConv2d,
    EqualizedLinear,
    EqualizedWeight,
    blend,
    double,
    halve,
    pixel_norm,
    wide,
)
from espalier.models.layers import leaky_relu as leaky
from espalier.models.progan import image_sizes, resolutions, width
from espalier.models.resampling import blurred, down_filtered, up_filtered

MAPPING_RATE = 0.01
"""Learning rate of the mapping, relative to the other layers'."""
AVERAGE_DECAY = 0.995


def act(x: Tensor) -> Tensor:
    """Leaky ReLU with slope 0.2 and gain sqrt(2)."""
    return leaky(x) * math.sqrt(2)


class SlowLinear(nn.Module):
    """Equalised dense layer with a lower learning rate: weights N(0, 1) / rate, scaled by rate / sqrt(fan_in) at run time."""

    def __init__(self, inputs: int, outputs: int, rate: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.rate, self.scale = rate, rate / math.sqrt(inputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, self.bias * self.rate)


class Mapping(nn.Module):
    """Latents (B, inputs) -> styles w (B, width), with their running mean for truncation."""

    average: Tensor

    def __init__(self, inputs: int, outputs: int, layers: int) -> None:
        super().__init__()
        widths = [inputs, *[outputs] * layers]
        self.layers = nn.ModuleList(SlowLinear(a, b, MAPPING_RATE) for a, b in zip(widths, widths[1:], strict=False))
        self.register_buffer("average", torch.zeros(outputs))

    def forward(self, z: Tensor) -> Tensor:
        w = pixel_norm(z)
        for layer in self.layers:
            w = act(layer(w))
        return w

    @torch.no_grad()
    def follow(self, w: Tensor) -> None:
        """Move the running mean by a batch of styles."""
        mean = processes.mean_of_share(w.detach().float().mean(dim=0))
        self.average.copy_(mean.lerp(self.average, AVERAGE_DECAY ** (processes.world() / processes.shares())))


class Modulated(EqualizedWeight):
    """Convolution whose input channels are scaled by a style: (B, inputs, H, W), w (B, style) -> (B, outputs, H, W).

    With `up`, the image is doubled in size: (B, outputs, 2H, 2W). Without demodulation for RGB, whose style is scaled by
    1 / sqrt(inputs) instead.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, style: int, up: bool = False, rgb: bool = False) -> None:
        super().__init__((outputs, inputs, kernel, kernel), gain=1.0)
        self.style = EqualizedLinear(style, inputs, gain=1.0)
        nn.init.ones_(self.style.bias)
        self.up, self.rgb, self.shrink = up, rgb, 1 / math.sqrt(inputs * kernel * kernel)
        self.scale = 1.0  # demodulation makes one of any scale of the weights; RGB scales the style instead

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        style: Tensor = self.style(w)
        weight = self.scaled()
        if self.rgb:
            return wide(conv2d(x * (style * self.shrink).to(x.dtype)[:, :, None, None], weight, self.bias))
        with torch.autocast(x.device.type, enabled=False):  # a sum of squares
            power = style.float().square() @ weight.float().square().sum(dim=(2, 3)).t()
            norm = (power + 1e-8).rsqrt()
        x = x * style.to(x.dtype)[:, :, None, None]
        if self.up:
            x = blurred(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), padding=1, gain=4.0)
        else:
            x = conv2d(x, weight, None, padding=weight.shape[-1] // 2)
        return x * norm.to(x.dtype)[:, :, None, None]


class Layer(nn.Module):
    """Modulated 3x3 convolution, noise, bias, activation. In evaluation, the noise is always the same."""

    constant: Tensor

    def __init__(self, inputs: int, outputs: int, size: tuple[int, int], style: int, up: bool = False) -> None:
        super().__init__()
        self.convolution = Modulated(inputs, outputs, 3, style, up)
        self.strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("constant", torch.randn(1, 1, *size))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        x = self.convolution(x, w)
        noise = self.constant
        if self.training:
            noise = processes.drawn(x[:, :1].float(), lambda of: of.normal_(), True)
        x = x + (noise * self.strength).to(x.dtype)
        return act(x + self.convolution.bias.to(x.dtype)[:, None, None])


class Generator(nn.Module):
    """Latent (B, latent) -> image (B, channels, R, R), linear, about [-1, 1]. `fades` and `alpha` as in ProGAN.

    `truncation` moves styles towards their mean when sampling: 1 for none, 0 for the mean alone. `mixing`: share of training
    batches whose later layers have the styles of other latents.
    """

    def __init__(
        self,
        resolution: int,
        channels: int,
        latent: int,
        base: int,
        largest: int,
        style: int,
        mapping_layers: int,
        mixing: float = 0.0,
        fades: bool = False,
        classes: int = 0,
        class_width: int = 0,
        shape: tuple[int, int] = (4, 4),
    ) -> None:
        super().__init__()
        self.resolution, self.latent, self.channels, self.alpha = resolution, latent, channels, 1.0
        self.mixing, self.truncation = mixing, 1.0
        sizes = resolutions(resolution)
        maps = {r: width(r, base, largest) for r in sizes}
        sides = {r: (r * shape[0] // 4, r * shape[1] // 4) for r in sizes}
        self.input = LatentWithClass(classes, class_width)
        self.mapping = Mapping(latent + self.input.added, style, mapping_layers)
        self.start = nn.Parameter(torch.randn(maps[4], *shape))
        self.up = nn.ModuleDict({str(r): Layer(maps[r // 2], maps[r], sides[r], style, up=True) for r in sizes[1:]})
        self.layers = nn.ModuleDict({str(r): Layer(maps[r], maps[r], sides[r], style) for r in sizes})
        self.to_rgb = nn.ModuleDict({str(r): Modulated(maps[r], channels, 1, style, rgb=True) for r in sizes})

    @property
    def styles(self) -> int:
        """How many layers take a style, RGB outputs left aside, which share the next layer's."""
        return 2 * len(self.layers) - 1

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.synthesis(self.styled(z, labels))

    def styled(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Styles of all layers, (B, styles + 1, width)."""
        w: Tensor = self.mapping(self._input(z, labels))
        if self.training:
            self.mapping.follow(w)
        elif self.truncation != 1:
            w = self.mapping.average.to(w.dtype).lerp(w, self.truncation)
        every = w[:, None].expand(-1, self.styles + 1, -1)
        if not (self.training and self.mixing):
            return every
        other = self.mapping(self._input(processes.drawn(z, lambda of: of.normal_(), True), labels))
        chance, cut = torch.rand(2, device=z.device).unbind()  # the same in all processes
        first = torch.where(chance < self.mixing, 1 + (cut * self.styles).floor(), self.styles + 1.0)
        later = torch.arange(self.styles + 1, device=z.device) >= first
        return torch.where(later[:, None], other[:, None], every)

    def _input(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """Latent and class, each of mean square 1."""
        if not self.input.added:
            return z
        both = self.input(z, labels)
        return torch.cat([pixel_norm(both[:, : self.latent]), pixel_norm(both[:, self.latent :])], dim=1)

    def synthesis(self, styles: Tensor) -> Tensor:
        """Images from styles (B, styles + 1, width)."""
        w = list(styles.unbind(dim=1))
        x: Tensor = self.start.expand(len(styles), -1, -1, -1)
        image: Tensor | None = None
        place = 0
        for size, layer in self.layers.items():
            if size in self.up:
                x, place = self.up[size](x, w[place]), place + 1
            x, place = layer(x, w[place]), place + 1
            made: Tensor = self.to_rgb[size](x, w[place])
            grown = made if image is None else up_filtered(image) + made
            fading = int(size) == self.resolution and self.alpha < 1
            image = blend(double(image), grown, self.alpha) if fading and image is not None else grown
        assert image is not None
        return image


class DownBlock(nn.Module):
    """Two convolutions, the second to half the size, plus the input, halved and through a 1x1 convolution; times sqrt(1/2)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = EqualizedConv2d(inputs, inputs, 3, gain=1.0)
        self.down = EqualizedConv2d(inputs, outputs, 3, gain=1.0)
        self.skip = EqualizedConv2d(inputs, outputs, 1, gain=1.0)
        self.skip.register_parameter("bias", None)

    def forward(self, x: Tensor) -> Tensor:
        y = act(self.conv(x))
        y = conv2d(blurred(y, padding=2), self.down.scaled(), self.down.bias, stride=2)
        skip: Tensor = self.skip(down_filtered(x))
        return (skip + act(y)) * math.sqrt(0.5)


class Discriminator(nn.Module):
    """Images (B, channels, R, R) -> logits (B,). If `features` is a list, each block's output is appended to it.

    `statistics`, `similarity`, `classes`, `fades` and `alpha` as in ProGAN.
    """

    def __init__(
        self,
        resolution: int,
        channels: int,
        base: int,
        largest: int,
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
        from_rgb = partial(EqualizedConv2d, channels, kernel=1, gain=1.0)
        self.from_rgb = nn.ModuleDict({str(r): from_rgb(maps[r]) for r in image_sizes(resolution, fades)})
        self.blocks = nn.ModuleDict({str(r): DownBlock(maps[r], maps[r // 2]) for r in reversed(sizes[1:])})
        self.statistics = statistics
        self.conv = EqualizedConv2d(maps[4] + added_features(statistics), maps[4], 3, gain=1.0)
        self.dense = EqualizedLinear(maps[4] * shape[0] * shape[1], maps[4], gain=1.0)
        self.logit = Judgement(maps[4], partial(EqualizedLinear, gain=1.0), similarity, classes)

    def forward(self, images: Tensor, features: list[Tensor] | None = None, labels: Tensor | None = None) -> Tensor:
        x = act(self.from_rgb[str(self.resolution)](images))
        for size, block in self.blocks.items():
            x = block(x)
            if int(size) == self.resolution and self.alpha < 1:
                x = blend(act(self.from_rgb[str(self.resolution // 2)](halve(images))), x, self.alpha)
            if features is not None:
                features.append(x)
        if self.statistics is not None:
            x = self.statistics(x)
        x = act(self.dense(act(self.conv(x)).flatten(1)))
        logits: Tensor = self.logit(x, features, labels)
        return logits
