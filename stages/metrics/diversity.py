"""Pixel diversity of fakes relative to reals; it does not measure quality."""

import torch
from torch import Tensor


def diversity(fakes: Tensor, reals: Tensor) -> float:
    """Mean distance between two fakes over mean distance between two reals, in pixels.

    Both uint8 (N, channels, R, R). About 1 if fakes differ from each other as much as reals do, near 0 if they
    are all alike.
    """

    def mean_distance(images: Tensor) -> float:
        points = images.flatten(1).double() / 255
        return float(torch.pdist(points).mean())

    return mean_distance(fakes) / max(mean_distance(reals), 1e-12)
