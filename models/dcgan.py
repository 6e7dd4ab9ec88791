"""DCGAN at any power of two: strided convolutions, batch norm in both networks except at the ends.

Source: Radford et al., "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks", section 3, weights from N(0, 0.02); ends as in the released PacGAN code for stacked MNIST (a stride-1
convolution to the image), so that its crippled discriminators can be configured, too.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from espalier.models.convolution import Conv2d
from espalier.models.ends import Judgement, LatentWithClass, added_features
from espalier.models.hidden import Hidden, HiddenPlan
from espalier.models.layers import blend, double, halve
from espalier.models.norms import MakeNorm
from espalier.models.progan import image_sizes, resolutions
from espalier.models.resizing import Up, UpConvolution

Initial = Literal["normal", "uniform"]
"""Weights from N(0, 0.02), as published, or PyTorch's default, from which a small, narrow discriminator learns faster."""


def _initialise(network: nn.Module, initial: Initial) -> None:
    if initial == "uniform":  # keep PyTorch's default
        return
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class Generator(nn.Module):
    """Latent (B, latent) -> image (B, channels, R, R) in [-1, 1] by tanh.

    Dense to 4x4, then upsampled to R x R by doubling; `width` channels at R, twice as many at each lower resolution, at
    most `largest`. `fades` and `alpha` as in ProGAN; the two images are blended after their tanh.
    """

    def __init__(
        self,
        resolution: int,
        channels: int,
        latent: int,
        width: int,
        largest: int,
        kernel: int,
        up: Up,
        initial: Initial,
        hidden: HiddenPlan,
        attention: dict[int, MakeNorm] | None = None,
        classes: int = 0,
        class_width: int = 0,
        fades: bool = False,
    ) -> None:
        super().__init__()
        self.resolution, self.latent, self.channels, self.alpha = resolution, latent, channels, 1.0
        maps = {r: min(width * resolution // r, largest) for r in resolutions(resolution)}
        self.input = LatentWithClass(classes, class_width)
        self.start = nn.Linear(latent + self.input.added, maps[4] * 16)
        self.ups = nn.ModuleDict({str(r): UpConvolution(maps[r // 2], maps[r], kernel, up) for r in list(maps)[1:]})
        self.attention = nn.ModuleDict({str(r): make(maps[r]) for r, make in (attention or {}).items() if r in maps})
        sizes = image_sizes(resolution, fades)
        self.to_image = nn.ModuleDict({str(r): nn.Conv2d(maps[r], channels, 3, padding=1) for r in sizes})
        _initialise(self, initial)
        self.after = nn.ModuleDict({str(r): Hidden(count, hidden) for r, count in maps.items()})

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        below = x = self.start(self.input(z, labels)).view(len(z), -1, 4, 4)
        for size, after in self.after.items():
            below, x = x, after(self.ups[size](x) if size in self.ups else x, labels)
            x = self.attention[size](x) if size in self.attention else x
        image = torch.tanh(self.to_image[str(self.resolution)](x))
        if self.alpha < 1:
            image = blend(double(torch.tanh(self.to_image[str(self.resolution // 2)](below))), image, self.alpha)
        return image


class Discriminator(nn.Module):
    """Images (B, channels, R, R) -> logits (B,). If `features` is a list, each layer's output is appended to it.

    Stride-2 convolutions halve the image down to 4x4; `width` channels at R/2, twice as many at each lower resolution,
    at most `largest`. `norm_first_layer` also normalises the first layer, unlike the paper. `statistics`, `similarity`
    and `classes` as in ProGAN.
    """

    def __init__(
        self,
        resolution: int,
        channels: int,
        width: int,
        largest: int,
        kernel: int,
        norm_first_layer: bool,
        initial: Initial,
        hidden: HiddenPlan,
        attention: dict[int, MakeNorm] | None = None,
        statistics: nn.Module | None = None,
        similarity: nn.Module | None = None,
        classes: int = 0,
        fades: bool = False,
    ) -> None:
        super().__init__()
        self.resolution, self.channels, self.alpha = resolution, channels, 1.0
        sizes = list(reversed(resolutions(resolution)))[1:]
        maps = {r: min(width * resolution // (2 * r), largest) for r in sizes}

        def halving(inputs: int, outputs: int) -> nn.Conv2d:
            return Conv2d(inputs, outputs, kernel, 2, (kernel - 1) // 2, bias=True)

        first = sizes[: 2 if fades else 1]
        self.from_image = nn.ModuleDict({str(r): halving(channels, maps[r]) for r in first})
        self.downs = nn.ModuleDict({str(r): halving(maps[2 * r], maps[r]) for r in sizes[1:]})
        self.attention = nn.ModuleDict({str(r): make(maps[r]) for r, make in (attention or {}).items() if r in maps})
        self.statistics = statistics
        added = added_features(statistics)
        self.logit = Judgement((maps[4] + added) * 16, nn.Linear, similarity, classes)
        _initialise(self, initial)
        self.logit.initialise_classes()
        bare = HiddenPlan(hidden.activation, dropout=hidden.dropout, noise=hidden.noise)
        of_images = hidden if norm_first_layer else bare
        self.after_image = nn.ModuleDict({str(r): Hidden(maps[r], of_images) for r in first})
        self.after = nn.ModuleDict({str(r): Hidden(maps[r], hidden) for r in sizes[1:]})

    def forward(self, images: Tensor, features: list[Tensor] | None = None, labels: Tensor | None = None) -> Tensor:
        x = images
        for size in (str(self.resolution // 2), *self.downs):
            x = self._halved(x, size, images)
            x = self.attention[size](x) if size in self.attention else x
            if features is not None:
                features.append(x)
        if self.statistics is not None:
            x = self.statistics(x)
        logits: Tensor = self.logit(x.flatten(1), features, labels)
        return logits

    def _halved(self, x: Tensor, size: str, images: Tensor) -> Tensor:
        """The hidden layer of this size from the one above it, which is blended with the parent's first layer while it fades."""
        if size not in self.downs:
            first: Tensor = self.after_image[size](self.from_image[size](x))
            return first
        made: Tensor = self.after[size](self.downs[size](x))
        if self.alpha < 1 and int(size) == self.resolution // 4:
            return blend(self.after_image[size](self.from_image[size](halve(images))), made, self.alpha)
        return made
