"""Similarity of fakes to each other: multi-scale structural similarity (MS-SSIM) of pairs.

    prod over scales 1..4 of cs_s^w_s, times ssim_5^w_5,   w = .0448 .2856 .3001 .2363 .1333

Sources: Wang et al., "Multi-scale Structural Similarity for Image Quality Assessment"; for GANs, Odena et al. (AC-GAN) and
Karras et al. (ProGAN, section 5), whose released code pairs samples 2i and 2i + 1, uses an 11x11 Gaussian window with sigma
1.5, shrunk to smaller images, and halves by 2x2 average pooling. Lower is more diverse; compare with the value of the reals.
It does not detect small collapses.
"""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from espalier.stages.contracts.component import Metrics
from espalier.stages.contracts.in_parts import Images, first, part_length
from espalier.stages.contracts.metric import MOST, Comparison, Metric, Samples

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW, SIGMA, RANGE = 11, 1.5, 255.0
SMALLEST = 16
"""At least one pixel must remain after four halvings."""


def ms_ssim(images: Images) -> float:
    """Mean over pairs (2i, 2i + 1) of images uint8 (N, channels, R, R), R at least 16, in float64."""
    pairs = max(1, part_length(images.shape) // 2)
    parts = (images[start : start + 2 * pairs] for start in range(0, len(images) // 2 * 2, 2 * pairs))
    return float(torch.cat([_of_pairs(part[: len(part) // 2 * 2].double()) for part in parts]).mean())


def _of_pairs(images: Tensor) -> Tensor:
    """The similarity of each pair, (N / 2,)."""
    one, other = images[0::2], images[1::2]
    product = torch.ones(len(one), dtype=torch.float64, device=one.device)
    for scale, weight in enumerate(WEIGHTS):
        ssim, contrast = _ssim(one, other)
        last = scale == len(WEIGHTS) - 1
        product *= (ssim if last else contrast).clamp(min=0) ** weight
        if not last:
            one, other = F.avg_pool2d(one, 2), F.avg_pool2d(other, 2)
    return product


def _ssim(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """SSIM and its contrast-structure term, (B,) each."""
    size = min(WINDOW, a.shape[-1])
    places = torch.arange(size, dtype=a.dtype, device=a.device) - (size - 1) / 2
    bell = torch.exp(-(places**2) / (2 * (size * SIGMA / WINDOW) ** 2))
    window = bell / bell.sum()

    def mean(x: Tensor) -> Tensor:  # along columns, then rows: a fifth of the work of the square window
        means = F.conv2d(F.conv2d(x.flatten(0, 1)[:, None], window[None, None, :, None]), window[None, None, None, :])
        return means.view(*x.shape[:2], *means.shape[2:])

    c1, c2 = (0.01 * RANGE) ** 2, (0.03 * RANGE) ** 2
    ma, mb = mean(a), mean(b)
    spread = mean(a * a) - ma**2 + mean(b * b) - mb**2
    contrast = (2 * (mean(a * b) - ma * mb) + c2) / (spread + c2)
    ssim = (2 * ma * mb + c1) / (ma**2 + mb**2 + c1) * contrast
    return ssim.mean(dim=(1, 2, 3)), contrast.mean(dim=(1, 2, 3))


class MsSsim(Metric):
    """Similarity of the fakes to each other."""

    title = "MS-SSIM"
    meanings: ClassVar = {"ms_ssim": "similarity among fakes, lower is more diverse"}
    always = False
    smallest = SMALLEST

    def measure(self, fakes: Samples, comparison: Comparison) -> Metrics:
        return {"ms_ssim": ms_ssim(first(fakes.parts, MOST))}
