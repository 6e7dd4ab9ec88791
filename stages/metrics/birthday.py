"""Estimate the support size of a generator (the number of distinct images) by the birthday paradox.

Among s samples of n equally likely images, the expected number of duplicate pairs is about s (s - 1) / (2 n). So for `pairs`
observed

    n is about s (s - 1) / (2 pairs).

Source: Arora and Zhang, "Do GANs Actually Learn the Distribution?"; there, duplicates are judged by eye.
Here, two fakes are duplicates if their feature distance is below the 0.001 quantile of the nearest-neighbour distances among
equally many reals. Without any duplicate, the estimate for one pair is a lower bound.
"""

from typing import ClassVar

import torch
from torch import Tensor

from espalier.stages.contracts.component import Metrics
from espalier.stages.contracts.metric import Comparison, Metric, Samples
from espalier.stages.metrics.manifold import ROWS, nearest

QUANTILE = 0.001


def same_distance(real: Tensor) -> float:
    """The distance below which two samples count as duplicates, from features of reals (N, d)."""
    return float(nearest(real.double(), 1).quantile(QUANTILE))


def support(fake: Tensor, distance: float) -> tuple[float, int]:
    """The estimate, and the number of pairs closer than `distance`, from features (N, d)."""
    points, pairs = fake.double(), 0
    for start in range(0, len(points), ROWS):
        near = torch.cdist(points[start : start + ROWS], points[start:]) < distance
        pairs += int(near.triu(1).sum())  # each pair once, without self-pairs
    return len(points) * (len(points) - 1) / (2 * max(pairs, 1)), pairs


class Support(Metric):
    """The estimate, and the duplicates that it is based on."""

    title = "birthday paradox"
    meanings: ClassVar = {
        "support": "number of distinct images, by the birthday paradox",
        "same_pairs": "pairs of fakes that count as duplicates",
    }

    def measure(self, fakes: Samples, comparison: Comparison) -> Metrics:
        estimate, pairs = support(fakes.features, comparison.same)
        return {"support": estimate, "same_pairs": pairs}
