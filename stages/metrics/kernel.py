"""Kernel distance between two sets of features: KID, if the features are Inception's.

    MMD^2 = mean over x != x' of k(x, x') + mean over y != y' of k(y, y') - 2 mean of k(x, y),   k(x, y) = (x.y / d + 1)^3

Source: Bińkowski et al., "Demystifying MMD GANs", section 4, and the released `compute_scores.py`. It is unbiased, so it works
at small N and can be negative. Reports the mean and standard deviation over random subsets of equal size; with too few images for
two subsets, the distance of all, and the deviation over subsets of half of them.
"""

from typing import ClassVar

import torch
from torch import Tensor

from espalier.stages.contracts.component import Metrics
from espalier.stages.contracts.metric import Comparison, Metric, Samples
from espalier.stages.process.seeds import derive_seed

SUBSETS, SUBSET = 100, 1000
"""As in the paper."""


def kernel_distance(
    real: Tensor, fake: Tensor, subsets: int = SUBSETS, size: int = SUBSET, seed: int = 0
) -> tuple[float, float]:
    """Mean and standard deviation over subsets of features (N, d) and (M, d); with at most `size`, one subset of all."""
    size = min(size, len(real), len(fake))
    random = torch.Generator().manual_seed(derive_seed(seed, "kernel distance"))
    found = []
    for _ in range(subsets if size < max(len(real), len(fake)) else 1):
        x, y = (of[torch.randperm(len(of), generator=random)[:size].to(of.device)].double() for of in (real, fake))
        found.append(squared_mmd(x, y))
    distances = torch.tensor(found, dtype=torch.float64)
    return float(distances.mean()), float(distances.std(correction=0))


def squared_mmd(x: Tensor, y: Tensor) -> float:
    """Unbiased estimate of the squared MMD for features (n, d) each."""
    n, width = x.shape

    def k(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b.t() / width + 1) ** 3

    of_x, of_y = (k(a, a) for a in (x, y))
    within = sum((m.sum() - m.trace()) / (n * (n - 1)) for m in (of_x, of_y))
    return float(within - 2 * k(x, y).mean())


class Kid(Metric):
    """The kernel distance of the fakes' features from those of the reals."""

    title = "kernel distance"
    meanings: ClassVar = {"kid": "kernel distance between features, lower is better, unbiased"}
    of_features = ("kid",)

    def measure(self, fakes: Samples, comparison: Comparison) -> Metrics:
        name = comparison.named("kid")
        real = comparison.real.features
        distance, spread = kernel_distance(real, fakes.features, seed=comparison.seed)
        fewer = min(len(real), len(fakes.features))
        if max(len(real), fewer) <= SUBSET:  # the mean is of a single subset
            _, spread = kernel_distance(real, fakes.features, size=max(2, fewer // 2), seed=comparison.seed)
        return {name: distance, f"{name}_std": spread}
