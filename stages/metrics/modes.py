"""How many of a mixture's modes a generator covers, and how evenly.

A sample is of high quality if it lies within 3 standard deviations of its nearest mode; a mode is found if it is the
nearest mode of a high-quality sample. Source: Srivastava et al., "VEEGAN", and the released PacGAN code (`extensions.py`),
whose reverse KL is

    KL(p || uniform) = log K - H(p),   p the shares of the K modes among the high-quality samples, natural logarithm.

Of perfect samples of 2-D Gaussians, 98.89 % lie within 3 standard deviations.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

STANDARD_DEVIATIONS = 3.0


@dataclass(frozen=True, slots=True)
class ModeMetrics:
    """`modes` found, `hq_share` of all samples in [0, 1], `reverse_kl` in nats (NaN without high-quality samples)."""

    modes: int
    hq_share: float
    reverse_kl: float


def mode_metrics(samples: Tensor, centres: Tensor, std: float) -> ModeMetrics:
    """Metrics of samples (N, d) for modes centred at (K, d)."""
    distance, nearest = torch.cdist(samples.double(), centres.double()).min(dim=1)
    good = distance < STANDARD_DEVIATIONS * std
    counts = torch.bincount(nearest[good], minlength=len(centres)).double()
    return ModeMetrics(int((counts > 0).sum()), float(good.double().mean()), kl_to_uniform(counts))


def kl_to_uniform(counts: Tensor) -> float:
    """KL(p || uniform) in nats of counts (K,), with 0 log 0 = 0; NaN if all are 0."""
    if counts.sum() == 0:
        return float("nan")
    shares = counts.double() / counts.sum()
    return float(torch.xlogy(shares, shares * len(counts)).sum())
