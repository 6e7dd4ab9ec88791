"""FastGAN's light generator, as Projected GAN trains it: gated blocks, and small images that gate the channels of large ones.

    block:       GLU(batch norm(conv3x3(double(x)))),   GLU(a, b) = a sigmoid(b)
    excitation:  x_64 *= sigmoid(conv1x1(SiLU(conv4x4(pooled x_4)))),   likewise 128 by 8 and 256 by 16

Every convolution has spectral norm. Source: Liu et al., "Towards Faster and Stabilized GAN Training for High-fidelity Few-shot
Image Synthesis", and the "lite" generator of the released Projected GAN (`pg_modules/networks_fastgan.py`).
"""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from espalier.models.ends import LatentWithClass
from espalier.models.layers import double, pixel_norm
from espalier.models.norms import NORMS
from espalier.models.progan import resolutions

SHARES = {4: 16.0, 8: 8.0, 16: 4.0, 32: 2.0, 64: 2.0, 128: 1.0, 256: 0.5, 512: 0.25, 1024: 0.125}
"""Channels at a resolution, in units of `width`."""
GATES = {64: 4, 128: 8, 256: 16}
"""Which resolution gates the channels of which."""


def maps_at(resolution: int, width: int) -> int:
    """Feature maps at a resolution."""
    return max(1, round(SHARES[resolution] * width))


class Gated(nn.Module):
    """Batch norm and GLU: (B, 2 C, H, W) -> (B, C, H, W)."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.norm = NORMS["batch"](2 * maps)

    def forward(self, x: Tensor) -> Tensor:
        return F.glu(self.norm(x), dim=1)


class Excitation(nn.Module):
    """Gates channels by a smaller image: (B, small, h, h) -> factors (B, large, 1, 1)."""

    def __init__(self, small: int, large: int) -> None:
        super().__init__()
        self.look = spectral_norm(nn.Conv2d(small, large, 4, bias=False))
        self.mix = spectral_norm(nn.Conv2d(large, large, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.mix(F.silu(self.look(F.adaptive_avg_pool2d(x, 4)))))


class Generator(nn.Module):
    """Latent (B, latent), normalised inside -> image (B, channels, R, R), linear, about [-1, 1]; `width` channels at 128x128."""

    def __init__(
        self,
        resolution: int,
        channels: int,
        latent: int,
        width: int,
        classes: int = 0,
        class_width: int = 0,
        shape: tuple[int, int] = (4, 4),
    ) -> None:
        super().__init__()
        self.resolution, self.latent, self.channels, self.alpha = resolution, latent, channels, 1.0
        sizes = resolutions(resolution)
        maps = {r: maps_at(r, width) for r in sizes}
        convolution = partial(nn.Conv2d, kernel_size=3, padding=1, bias=False)
        self.input = LatentWithClass(classes, class_width)
        start = nn.ConvTranspose2d(latent + self.input.added, 2 * maps[4], shape, bias=False)
        self.start = spectral_norm(start)
        self.blocks = nn.ModuleDict({str(r): spectral_norm(convolution(maps[r // 2], 2 * maps[r])) for r in sizes[1:]})
        self.gated = nn.ModuleDict({str(r): Gated(maps[r]) for r in sizes})
        self.excitations = nn.ModuleDict(
            {str(r): Excitation(maps[small], maps[r]) for r, small in GATES.items() if r in maps}
        )
        self.to_rgb = spectral_norm(nn.Conv2d(maps[resolution], channels, 3, padding=1))
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.parametrizations.weight.original, 0.0, 0.02)  # type: ignore[union-attr, arg-type]

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        x = self.gated["4"](self.start(pixel_norm(self.input(z, labels))[:, :, None, None]))
        made = {4: x}
        for size, block in self.blocks.items():
            x = self.gated[size](block(double(x)))
            if size in self.excitations:
                x = x * self.excitations[size](made[GATES[int(size)]])
            made[int(size)] = x
        image: Tensor = self.to_rgb(x)
        return image
