"""How many different pictures a generator makes, by the birthday paradox.

Among s draws from n equally likely pictures one expects about s (s - 1) / (2 n) pairs of the same, so of `pairs` seen

    n is about s (s - 1) / (2 pairs).

Source: Arora and Zhang, "Do GANs Actually Learn the Distribution?"; there a person says whether the nearest pairs are the same.
Here two fakes are the same where they are nearer to each other, in a feature space, than all but one in a thousand reals are to
their nearest other real among as many. Without such a pair the support is only known to be at least that of one pair.
"""

import torch
from torch import Tensor

from espalier.stages.metrics.manifold import ROWS, radii

QUANTILE = 0.001


def same_distance(real: Tensor) -> float:
    """The distance below which two samples count as the same, from features of reals (N, d)."""
    return float(radii(real.double(), 1).quantile(QUANTILE))


def support(fake: Tensor, distance: float) -> tuple[float, int]:
    """The estimate and the number of pairs nearer than `distance`, of features (N, d)."""
    points, pairs = fake.double(), 0
    for start in range(0, len(points), ROWS):
        near = torch.cdist(points[start : start + ROWS], points[start:]) < distance
        pairs += int(near.triu(1).sum())  # each pair once, and none with itself
    return len(points) * (len(points) - 1) / (2 * max(pairs, 1)), pairs
