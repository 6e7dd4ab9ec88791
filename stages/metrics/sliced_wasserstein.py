"""Sliced Wasserstein distance of local patches at each level of a Laplacian pyramid (SWD).

Source: Karras et al., "Progressive Growing of GANs", section 5 and the released `sliced_wasserstein.py`: a pyramid with 5x5
binomial filters and mirrored borders, down to 16x16; 128 random 7x7 patches per image and level; each channel of each set
normalised to mean 0 and standard deviation 1 (so a global colour shift goes undetected); 4 x 128 random directions; the mean
difference of sorted projections, times 1000. The paper uses 16,384 images per set. A second set of reals gives the floor.
"""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from espalier.stages.contracts.component import Metrics
from espalier.stages.contracts.in_parts import Images, first, parts_of
from espalier.stages.contracts.metric import Comparison, Metric, Samples
from espalier.stages.process.seeds import derive_seed

PATCH, PATCHES, REPEATS, DIRECTIONS, SMALLEST = 7, 128, 4, 128, 16
BINOMIAL = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
AT_ONCE, ROWS = 256, 16
"""Images, and directions, at once."""
MOST = 16_384
"""Images per set, as in the paper."""


def sliced_wasserstein(one: Images, other: Images, seed: int = 0) -> dict[int, float]:
    """Distance x 1000 by the level's resolution, for two equal-sized sets of images uint8 (N, channels, R, R), R at least 16."""
    random = torch.Generator(one[:1].device).manual_seed(derive_seed(seed, "sliced wasserstein"))
    patches = [_normal(_patches(images, random)) for images in (one, other)]
    return {side: 1000 * _distance(a, patches[1][side], random) for side, a in patches[0].items()}


def _patches(images: Images, random: torch.Generator) -> dict[int, Tensor]:
    found: dict[int, list[Tensor]] = {}
    for part in parts_of(images, AT_ONCE):
        for level in pyramid(part.float()):
            found.setdefault(level.shape[-1], []).append(_cut(level, random))
    return {side: torch.cat(parts) for side, parts in found.items()}


def pyramid(images: Tensor) -> list[Tensor]:
    """Laplacian pyramid of images (N, channels, R, R), finest level first; the coarsest is the low-pass image."""
    levels = [images]
    while levels[-1].shape[-1] // 2 >= SMALLEST:
        small = _filtered(levels[-1])[:, :, ::2, ::2]
        spread = torch.zeros_like(levels[-1])
        spread[:, :, ::2, ::2] = small
        levels[-1] = levels[-1] - 4 * _filtered(spread)
        levels.append(small)
    return levels


def _filtered(images: Tensor) -> Tensor:
    channels = images.shape[1]
    kernel = torch.outer(BINOMIAL, BINOMIAL).to(images).expand(channels, 1, 5, 5)
    return F.conv2d(F.pad(images, (2, 2, 2, 2), mode="reflect"), kernel, groups=channels)


def _cut(level: Tensor, random: torch.Generator) -> Tensor:
    """PATCHES random patches of each image (N, channels, R, R) -> (N x PATCHES, channels, 49)."""
    count, _, side, _ = level.shape
    corner = torch.randint(side - PATCH + 1, (2, count, PATCHES), generator=random, device=level.device)
    rows, columns = (c[..., None] + torch.arange(PATCH, device=level.device) for c in corner)
    places = (rows[..., :, None] * side + columns[..., None, :]).flatten(1)  # (N, PATCHES x 49)
    flat = level.flatten(2).gather(2, places[:, None].expand(-1, level.shape[1], -1))
    return flat.view(count, level.shape[1], PATCHES, -1).transpose(1, 2).flatten(0, 1)


def _normal(levels: dict[int, Tensor]) -> dict[int, Tensor]:
    """Normalise each channel to mean 0 and standard deviation 1, then flatten to one row per patch."""
    scaled = {}
    for side, patches in levels.items():
        std, mean = torch.std_mean(patches, dim=(0, 2), keepdim=True, correction=0)
        scaled[side] = ((patches - mean) / std.clamp(min=1e-12)).flatten(1)
    return scaled


def _distance(one: Tensor, other: Tensor, random: torch.Generator) -> float:
    gaps = []
    for _ in range(REPEATS):
        directions = torch.randn((DIRECTIONS, one.shape[1]), generator=random, device=one.device)
        directions /= directions.norm(dim=1, keepdim=True)
        for some in torch.split(directions, ROWS):
            a, b = ((some @ of.t()).sort(dim=1).values for of in (one, other))
            gaps.append((a - b).abs().mean())
    return float(torch.stack(gaps).mean())


class Swd(Metric):
    """The distance at each level, and their mean."""

    title = "sliced Wasserstein distance"
    meanings: ClassVar = {"swd": "distance between patches, lower is better"}
    always = False
    smallest = SMALLEST

    def measure(self, fakes: Samples, comparison: Comparison) -> Metrics:
        levels = sliced_wasserstein(first(comparison.real.parts, MOST), first(fakes.parts, MOST), comparison.seed)
        mean = sum(levels.values()) / len(levels)
        return {**{f"swd_{level}": value for level, value in levels.items()}, "swd": mean}
