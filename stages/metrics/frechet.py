"""Fréchet distance between two sets of features, each modelled as a Gaussian: FID, if the features are Inception's.

    ||m1 - m2||^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2))

Source: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", equation 6, and the released `fid.py` (covariances over
N - 1, float64). It is biased upward at small N, so compare values only at the same N. If N is smaller than the number of
features, the covariances are singular.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from espalier.stages.contracts.component import Metrics
from espalier.stages.contracts.metric import Comparison, Metric, Samples


@dataclass(frozen=True)
class Moments:
    """`mean` (d,), `covariance` (d, d) over N - 1, both float64; `count` N."""

    mean: Tensor
    covariance: Tensor
    count: int


def moments(features: Tensor) -> Moments:
    """Mean and covariance of features (N, d), N at least 2."""
    points = features.double()
    return Moments(points.mean(dim=0), points.t().cov().view(points.shape[1], -1), len(points))


def frechet(one: Moments, other: Moments) -> float:
    """Fréchet distance. The square roots of the product's eigenvalues sum to the trace of its root, even if singular."""
    roots = torch.linalg.eigvals(one.covariance @ other.covariance).real.clamp(min=0).sqrt()
    traces = one.covariance.trace() + other.covariance.trace()
    return float((one.mean - other.mean).square().sum() + traces - 2 * roots.sum())


class Fid(Metric):
    """The distance of the fakes' features from those of the reals."""

    title = "Fréchet distance"
    meanings: ClassVar = {"fid": "Fréchet distance between features, lower is better"}
    of_features = ("fid",)

    def measure(self, fakes: Samples, comparison: Comparison) -> Metrics:
        distance = frechet(moments(comparison.real.features), moments(fakes.features))
        return {comparison.named("fid"): distance}
