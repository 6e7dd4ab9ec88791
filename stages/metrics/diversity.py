"""Pixel diversity of fakes relative to reals; it does not measure quality."""

import math
from typing import ClassVar

import torch

from espalier.stages.contracts.component import Metrics
from espalier.stages.contracts.in_parts import Images, first, pooled
from espalier.stages.contracts.metric import MOST, Comparison, Metric, Samples

COMPARED = 64
"""Side of the images that are compared, which bounds memory."""


def diversity(fakes: Images, reals: Images) -> float:
    """Mean distance between two fakes over mean distance between two reals, in pixels.

    Both uint8 (N, channels, R, R), compared at 64x64 if they are larger. About 1 if fakes differ from each other as much as
    reals do, near 0 if they are all alike; NaN for less than two.
    """

    def mean_distance(images: Images) -> float:
        if len(images.shape) == 4 and images.shape[-1] > COMPARED:
            points = pooled(images, COMPARED).flatten(1).double()
        else:
            points = images[:].flatten(1).double() / 255
        return float(torch.pdist(points).mean()) if len(points) > 1 else math.nan

    return mean_distance(fakes) / max(mean_distance(reals), 1e-12)


class Diversity(Metric):
    """Pixel diversity."""

    title = "diversity"
    meanings: ClassVar = {"diversity": "mean distance between fakes, relative to reals"}

    def measure(self, fakes: Samples, comparison: Comparison) -> Metrics:
        return {"diversity": diversity(first(fakes.parts, MOST), first(comparison.real.parts, MOST))}
