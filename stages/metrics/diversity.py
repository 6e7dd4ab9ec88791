"""Pixel diversity of fakes relative to reals; it does not measure quality."""

from typing import ClassVar

import torch
from torch import Tensor

from espalier.stages.contracts.component import Metrics
from espalier.stages.contracts.metric import MOST, Comparison, Metric, Samples


def diversity(fakes: Tensor, reals: Tensor) -> float:
    """Mean distance between two fakes over mean distance between two reals, in pixels.

    Both uint8 (N, channels, R, R). About 1 if fakes differ from each other as much as reals do, near 0 if they
    are all alike.
    """

    def mean_distance(images: Tensor) -> float:
        points = images.flatten(1).double() / 255
        return float(torch.pdist(points).mean())

    return mean_distance(fakes) / max(mean_distance(reals), 1e-12)


class Diversity(Metric):
    """Pixel diversity."""

    title = "diversity"
    meanings: ClassVar = {"diversity": "mean distance between fakes, relative to reals"}

    def measure(self, fakes: Samples, comparison: Comparison) -> Metrics:
        return {"diversity": diversity(fakes.images[:MOST], comparison.real.images[:MOST])}
