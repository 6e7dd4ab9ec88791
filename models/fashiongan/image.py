"""FashionGAN's second stage: generate the image of a person from a sentence and a segmentation map.

Three generators. `encoder` is the released ih1/net_graph_ih1.lua and `unet` the released ih1_skip (a test checks the layer
tables), both at 128x128 with width 64. With `composed` either becomes the paper's: one image per class of the map, each
through tanh, and each pixel is taken from the image of its class: out(p) = sum over l of 1[p in class l] I_l(p). Two
discriminators: `whole` (from ih1) and `patch` (from ih1_skip). Convolutions have no bias (released: zeroed before each
use). At sizes other than 128x128 a network has one layer per halving, with the same widths at the same sizes.
"""

from dataclasses import replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from espalier.models.fashiongan.condition import CLASSES, SentenceAndMap
from espalier.models.fashiongan.layers import Block, Colours, Said, down, initialise, same, tiled, up
from espalier.models.fashiongan.shape import widths
from espalier.models.hidden import HiddenPlan, dropped
from espalier.models.norms import NORMS

Body = Literal["unet", "encoder"]
Logits = Literal["patch", "whole"]
View = Literal["colours", "classes", "coarse7", "coarse4"]
"""How the networks see a map: the released colour image, its classes, or an 8x8 map of 7 or 4 classes (one-step GANs)."""


class MapView(nn.Module):
    """The conditioning map as input to the networks, (B, channels, R, R)."""

    def __init__(self, view: View, resolution: int) -> None:
        super().__init__()
        self.resolution = resolution
        self.colours = Colours() if view == "colours" else None
        self.channels = {"colours": 3, "classes": CLASSES, "coarse7": CLASSES, "coarse4": 4}[view]

    def forward(self, maps: Tensor) -> Tensor:
        if self.colours is not None:
            seen: Tensor = self.colours(maps)
            return seen
        return F.interpolate(maps, size=(self.resolution, self.resolution), mode="nearest")


def composed(images: Tensor, maps: Tensor) -> Tensor:
    """Images per class (B, classes x 3, R, R) and a one-hot map (B, classes, R, R) -> each pixel from its class's image."""
    of_class = images.view(len(images), maps.shape[1], -1, *images.shape[2:])
    return (of_class * maps[:, :, None]).sum(dim=1)


class Generator(nn.Module):
    """Latent (B, latent) and condition with map (B, classes, r, r) -> image (B, channels, R, R) in [-1, 1]."""

    def __init__(
        self,
        resolution: int,
        channels: int,
        latent: int,
        width: int,
        code: int,
        text: int,
        body: Body,
        view: View,
        compose: bool,
        dropout: float,
        hidden: HiddenPlan,
    ) -> None:
        super().__init__()
        self.resolution, self.latent, self.channels, self.compose = resolution, latent, channels, compose
        self.view = MapView(view, resolution)
        self.said = Said(code, text, HiddenPlan("leaky_relu"))
        images = channels * CLASSES if compose else channels
        between = latent + self.said.width
        self.body: nn.Module = (
            Unet(resolution, width, self.view.channels, between, images, dropout, hidden)
            if body == "unet"
            else Encoder(resolution, width, self.view.channels, between, images, hidden)
        )
        initialise(self, 0.02 if body == "unet" else 0.02 / 16)

    def forward(self, z: Tensor, condition: SentenceAndMap) -> Tensor:
        between = torch.cat([z[:, :, None, None], self.said(condition.code)], dim=1)
        images = torch.tanh(self.body(self.view(condition.map), between))
        return composed(images, condition.map) if self.compose else images


class Unet(nn.Module):
    """From ih1_skip: downsample the map to 1x1, join the latent and the sentence, upsample with skip connections.

    Activations come before the convolutions, as in pix2pix, so the latent passes through a ReLU, too.
    """

    def __init__(
        self, resolution: int, width: int, maps: int, between: int, images: int, dropout: float, hidden: HiddenPlan
    ) -> None:
        super().__init__()
        depth = resolution.bit_length() - 1
        sizes = [min(width << k, 8 * width) for k in range(depth)]
        linear = NORMS["none"]
        inputs = [maps, *sizes]
        self.downs = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1, bias=False) for a, b in zip(inputs, sizes, strict=False))
        plain = [k in (0, depth - 1) for k in range(depth)]
        self.down_norms = nn.ModuleList((linear if p else hidden.norm)(w) for p, w in zip(plain, sizes, strict=True))
        outputs = [*reversed(sizes[:-1]), images]
        joined = [sizes[-1] + between, *(2 * w for w in outputs[:-1])]
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False) for a, b in zip(joined, outputs, strict=True)
        )
        self.up_norms = nn.ModuleList(hidden.norm(w) for w in outputs[:-1])
        self.dropout, self.dropped = dropout, max(1, depth - 4)  # the released three of seven

    def forward(self, maps: Tensor, between: Tensor) -> Tensor:
        x, skips = maps, []
        for k, (convolution, norm) in enumerate(zip(self.downs, self.down_norms, strict=True)):
            x = norm(convolution(F.leaky_relu(x, 0.2) if k else x))
            skips.append(x)
        x = torch.cat([between, skips.pop()], dim=1)
        for k, (convolution, norm) in enumerate(zip(self.ups, self.up_norms, strict=False)):
            x = norm(convolution(F.relu(x)))
            if k < self.dropped:
                x = dropped(x, self.dropout, self.training)
            x = torch.cat([x, skips.pop()], dim=1)
        made: Tensor = self.ups[-1](F.relu(x))
        return made


class Encoder(nn.Module):
    """From ih1: upsample latent and sentence to 16x16, join the map downsampled to 16x16, upsample to R x R."""

    def __init__(self, resolution: int, width: int, maps: int, between: int, images: int, hidden: HiddenPlan) -> None:
        super().__init__()
        bent = replace(hidden, activation="leaky_relu")
        first = Block(nn.ConvTranspose2d(between, 16 * width, 4, bias=False), 16 * width, hidden)
        self.text = nn.Sequential(first, up(16 * width, 8 * width, hidden), up(8 * width, 8 * width, hidden))
        halved = [maps, *reversed(widths(resolution, width).values())]
        self.map = nn.Sequential(*(down(a, b, bent) for a, b in zip(halved, halved[1:], strict=False)))
        self.join = up(12 * width, 8 * width, hidden)
        mid = [8 * width, 8 * width, 8 * width, 8 * width, 4 * width, 2 * width]
        self.middle = nn.Sequential(*(same(a, b, bent) for a, b in zip(mid, mid[1:], strict=False)))
        sizes = [w for size, w in widths(resolution, width).items() if size >= 32]
        self.ups = nn.Sequential(*(up(a, b, hidden) for a, b in zip(sizes, sizes[1:], strict=False)))
        self.out: nn.Module = (
            nn.ConvTranspose2d(sizes[-1], images, 4, 2, 1, bias=False)
            if sizes
            else nn.Conv2d(2 * width, images, 3, padding=1, bias=False)  # at 32x32 the middle is the full size
        )

    def forward(self, maps: Tensor, between: Tensor) -> Tensor:
        x = self.join(torch.cat([self.text(between), self.map(maps)], dim=1))
        made: Tensor = self.out(self.ups(self.middle(x)))
        return made


class Discriminator(nn.Module):
    """Images (B, channels, R, R) and condition -> logits: `whole` (B,), `patch` (B x patches,)."""

    def __init__(
        self,
        resolution: int,
        images: int,
        width: int,
        code: int,
        text: int,
        logits: Logits,
        view: View,
        hidden: HiddenPlan,
    ) -> None:
        super().__init__()
        self.resolution, self.view = resolution, MapView(view, resolution)
        kind = Patch if logits == "patch" else Whole
        self.body = kind(resolution, images, self.view.channels, width, Said(code, text, hidden), hidden)
        initialise(self, 0.02 if logits == "patch" else 0.02 / 16)

    def forward(
        self, images: Tensor, features: list[Tensor] | None = None, condition: SentenceAndMap | None = None
    ) -> Tensor:
        assert condition is not None
        made: Tensor = self.body(images, self.view(condition.map), condition.code, [] if features is None else features)
        return made.flatten()


class Patch(nn.Module):
    """PatchGAN from ih1_skip: one logit for each of 14x14 overlapping patches at 128x128, of 2x2 at 32x32."""

    def __init__(self, resolution: int, images: int, maps: int, width: int, said: Said, hidden: HiddenPlan) -> None:
        super().__init__()
        bare = replace(hidden, norm=NORMS["none"])
        self.said = said
        halves = [
            down(images + maps, width, bare),
            down(width, 2 * width, hidden),
            down(2 * width, 4 * width, hidden),
        ]
        self.downs = nn.ModuleList(halves)
        joined = nn.Conv2d(4 * width + said.width, 8 * width, 4, 1, 1, bias=False)
        self.join = Block(joined, 8 * width, hidden)
        self.logit = nn.Conv2d(8 * width, 1, 4, 1, 1, bias=False)

    def forward(self, images: Tensor, maps: Tensor, code: Tensor, features: list[Tensor]) -> Tensor:
        x = torch.cat([images, maps], dim=1)
        for layer in self.downs:
            features.append(x := layer(x))
        features.append(x := self.join(tiled(self.said(code), x)))
        logits: Tensor = self.logit(x)
        return logits


class Whole(nn.Module):
    """From ih1: image and map are downsampled to 16x16 separately, joined, and get one logit."""

    def __init__(self, resolution: int, images: int, maps: int, width: int, said: Said, hidden: HiddenPlan) -> None:
        super().__init__()
        bare = replace(hidden, norm=NORMS["none"])
        sizes = list(reversed(widths(resolution, width).values()))

        def halved(inputs: int) -> nn.Sequential:
            counts = [inputs, *sizes]
            pairs = zip(counts, counts[1:], strict=False)
            return nn.Sequential(*(down(a, b, hidden if i else bare) for i, (a, b) in enumerate(pairs)))

        self.said, self.picture, self.map = said, halved(images), halved(maps)
        self.middle = nn.Sequential(*(same(8 * width, 8 * width, hidden) for _ in range(5)))
        self.downs = nn.Sequential(down(8 * width, 8 * width, hidden), down(8 * width, 16 * width, hidden))
        fuse = nn.Conv2d(16 * width + said.width, 16 * width, 1, bias=False)
        self.fuse = Block(fuse, 16 * width, hidden)
        self.logit = nn.Conv2d(16 * width, 1, 4, bias=False)

    def forward(self, images: Tensor, maps: Tensor, code: Tensor, features: list[Tensor]) -> Tensor:
        x = self.middle(torch.cat([self.picture(images), self.map(maps)], dim=1))
        features.append(x)
        features.append(x := self.fuse(tiled(self.said(code), self.downs(x))))
        logits: Tensor = self.logit(x)
        return logits
