"""Precision, recall, density and coverage of fakes relative to reals in a feature space.

A set's manifold is the union of balls around its points, each with the distance to the k-th nearest neighbour as radius.

    precision = share of fakes in the reals' manifold;   recall = share of reals in the fakes'   (k = 3, distance <= radius)
    density = mean over fakes of (number of reals' balls that hold it) / k                       (k = 5, distance < radius)
    coverage = share of reals whose ball holds a fake

Sources: Kynkäänniemi et al., "Improved Precision and Recall Metric", and its released code; Naeem et al., "Reliable Fidelity and
Diversity Metrics for Generative Models", and prdc. Density can exceed 1. All depend on N; compare only at the same N.
"""

from dataclasses import asdict, dataclass
from typing import ClassVar

import torch
from torch import Tensor

from espalier.stages.contracts.component import Metrics
from espalier.stages.contracts.metric import Comparison, Metric, Samples

NEAREST, DENSITY_NEAREST = 3, 5
ROWS = 1024
"""Rows of the distance matrix per chunk."""


@dataclass(frozen=True, slots=True)
class Manifold:
    """`precision`, `recall` and `coverage` in [0, 1]; `density` at least 0."""

    precision: float
    recall: float
    density: float
    coverage: float


def nearest(points: Tensor, k: int) -> Tensor:
    """Distances (N, k) from each point (N, d) to its k nearest neighbours, nearest first."""
    found = [torch.cdist(part, points).topk(k + 1, largest=False).values for part in torch.split(points, ROWS)]
    return torch.cat(found)[:, 1:]  # the nearest is the point itself


def manifold(real: Tensor, fake: Tensor, of_real: Tensor | None = None) -> Manifold:
    """Metrics of features (N, d) and (M, d), each with more than DENSITY_NEAREST points.

    `of_real`: the reals' `nearest`, if they are known already.
    """
    real, fake = real.double(), fake.double()
    of_real = nearest(real, DENSITY_NEAREST) if of_real is None else of_real
    around_real, balls = of_real[:, NEAREST - 1], of_real[:, DENSITY_NEAREST - 1]
    around_fake = nearest(fake, NEAREST)[:, -1]
    precise = torch.zeros(len(fake), dtype=torch.bool, device=real.device)
    held, recalled, covered = precise.double(), [], []
    for part, small, large in zip(*(torch.split(of, ROWS) for of in (real, around_real, balls)), strict=True):
        distance = torch.cdist(part, fake)
        precise |= (distance <= small[:, None]).any(dim=0)
        inside = distance < large[:, None]
        held += inside.sum(dim=0)
        covered.append(inside.any(dim=1))
        recalled.append((distance <= around_fake).any(dim=1))
    return Manifold(
        precision=float(precise.double().mean()),
        recall=float(torch.cat(recalled).double().mean()),
        density=float(held.mean() / DENSITY_NEAREST),
        coverage=float(torch.cat(covered).double().mean()),
    )


class PrecisionRecall(Metric):
    """Precision, recall, density and coverage in the feature space."""

    title = "precision, recall, density and coverage"
    meanings: ClassVar = {
        "precision": "share of fakes that look real",
        "recall": "share of reals covered by fakes",
        "density": "how densely reals surround fakes",
        "coverage": "share of reals with a fake nearby",
    }

    def measure(self, fakes: Samples, comparison: Comparison) -> Metrics:
        real = comparison.real.features
        of_real = comparison.once("nearest reals", lambda: nearest(real.double(), DENSITY_NEAREST))
        return asdict(manifold(real, fakes.features, of_real))
