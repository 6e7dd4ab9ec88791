"""FashionGAN's first stage: generate a segmentation map of the new outfit from a sentence and a coarse body map.

Source: the released sr1/net_graph_sr1.lua (a test checks the layer tables), at 128x128 with width 64. Other sizes have more or
fewer layers above 16x16, with the same widths at the same sizes. Convolutions have no bias. The paper's networks are not
published; its variant differs in the conditioning (see `stages/fashiongan/outfits.py`) and in the latent.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from espalier.models.fashiongan.condition import CLASSES, SentenceAndMap
from espalier.models.fashiongan.layers import Block, Said, down, initialise, same, tiled, up
from espalier.models.hidden import HiddenPlan
from espalier.models.norms import NORMS

MERGED = 4
"""Classes of the coarse map: hair, face, everything else of the person, background."""


def widths(resolution: int, width: int) -> dict[int, int]:
    """Channels at each size from 16 to half the resolution: `width` at 64, twice as many at each lower size."""
    return {16 << k: max(1, width * 4 >> k) for k in range(resolution.bit_length() - 5)}


class Generator(nn.Module):
    """Latent (B, latent) and condition with map (B, 4, 8, 8) -> map logits (B, 7, R, R), background last."""

    makes_maps = True

    def __init__(self, resolution: int, latent: int, width: int, code: int, text: int, hidden: HiddenPlan) -> None:
        super().__init__()
        self.resolution, self.latent, self.channels = resolution, latent, CLASSES
        bent = replace(hidden, activation="leaky_relu")
        self.said = Said(code, text, HiddenPlan("leaky_relu"))
        first = nn.ConvTranspose2d(latent + self.said.width, 16 * width, 4, bias=False)
        self.start = Block(first, 16 * width, hidden)
        self.up8 = up(16 * width, 8 * width, hidden)
        self.body = nn.Sequential(same(MERGED, width, bent), same(width, 2 * width, bent))
        maps = widths(resolution, width)
        self.up16 = up(10 * width, maps[16], hidden)
        mid = [maps[16], 8 * width, 8 * width, maps[16]]
        self.middle = nn.Sequential(*(same(a, b, bent) for a, b in zip(mid, mid[1:], strict=False)))
        sizes = list(maps.values())
        self.ups = nn.Sequential(*(up(a, b, hidden) for a, b in zip(sizes, sizes[1:], strict=False)))
        self.out = nn.ConvTranspose2d(sizes[-1], CLASSES, 4, 2, 1, bias=False)
        initialise(self, 0.02 / 16)

    def forward(self, z: Tensor, condition: SentenceAndMap) -> Tensor:
        x = self.up8(self.start(torch.cat([z[:, :, None, None], self.said(condition.code)], dim=1)))
        x = self.up16(torch.cat([x, self.body(condition.map)], dim=1))
        logits: Tensor = self.out(self.ups(self.middle(x)))
        return logits


class Discriminator(nn.Module):
    """Map logits (B, 7, R, R) and condition -> logits (B,). The first layer is a softmax over the classes, also for real
    samples: these are one-hot maps times `real_logit` (stages/kinds/maps.py)."""

    def __init__(self, resolution: int, width: int, code: int, text: int, hidden: HiddenPlan) -> None:
        super().__init__()
        self.resolution = resolution
        bare = replace(hidden, norm=NORMS["none"])
        sizes = list(reversed(widths(resolution, width).values()))
        maps = [CLASSES, *sizes]
        self.downs = nn.ModuleList(
            down(a, b, hidden if i else bare) for i, (a, b) in enumerate(zip(maps, sizes, strict=False))
        )
        mid = [sizes[-1], 8 * width, 8 * width, sizes[-1]]
        self.middle = nn.Sequential(*(same(a, b, hidden) for a, b in zip(mid, mid[1:], strict=False)))
        self.down8 = down(sizes[-1], 8 * width, hidden)
        self.body = nn.Sequential(same(MERGED, width, bare), same(width, 2 * width, hidden))
        self.down4 = down(10 * width, 8 * width, hidden)
        self.said = Said(code, text, hidden)
        fuse = nn.Conv2d(8 * width + self.said.width, 8 * width, 1, bias=False)
        self.fuse = Block(fuse, 8 * width, hidden)
        self.logit = nn.Conv2d(8 * width, 1, 4, bias=False)
        initialise(self, 0.02 / 16)

    def forward(
        self, maps: Tensor, features: list[Tensor] | None = None, condition: SentenceAndMap | None = None
    ) -> Tensor:
        assert condition is not None
        x = maps.softmax(dim=1)
        kept = [x := layer(x) for layer in self.downs]
        x = self.down8(self.middle(x))
        x = self.down4(torch.cat([x, self.body(condition.map)], dim=1))
        x = self.fuse(tiled(self.said(condition.code), x))
        if features is not None:
            features += [*kept, x]
        logits: Tensor = self.logit(x).flatten()
        return logits
