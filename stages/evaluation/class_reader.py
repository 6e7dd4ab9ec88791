"""Which of a dataset's classes a picture is of: a linear classifier, learned from the reals themselves.

It sees a picture's features and its pixels, reduced to 16x16: features that were learned to tell single pictures apart leave out
what all of a class share (of 2,000 pictures of Fashion-MNIST it reads 0.82 of others so, and 0.75 without the pixels). It is
learned anew for each evaluation, in seconds, from the reals that fakes are compared with, and tested on the other reals: where it
does not know those, nothing it says of fakes is worth printing. Softmax regression on numbers of mean 0 and standard deviation 1,
by L-BFGS in float64 from 0, so that there is no chance in it.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from espalier.stages.evaluation.reference import Reals

DECAY, STEPS, SIDE, FURTHEST = 0.001, 200, 16, 5.0
"""DECAY weighs the squared weights in the loss, which decides where a picture has more numbers than there are pictures."""


@dataclass(frozen=True)
class ClassReader:
    """`classes` (K,) are the numbers of the classes that it has met, `shares` (K,) theirs among the reals; the rest is of what a
    picture shows, d numbers: `mean` and `std` (d,), and `weight` (d + 1, K) with the bias last."""

    mean: Tensor
    std: Tensor
    weight: Tensor
    classes: Tensor
    shares: Tensor

    def logits(self, pictures: Tensor, features: Tensor) -> Tensor:
        """Of pictures uint8 (N, channels, R, R) and their features: (N, K), float64."""
        return _scaled(_seen(pictures, features), self.mean, self.std) @ self.weight

    def recognised(self, reals: Reals) -> float:
        """Share of the reals that have a class whose class is read right; the mean over classes, so that a rare one counts."""
        found = self.classes[self.logits(reals.pictures, reals.features).argmax(dim=1)]
        labels = reals.labels
        of_each = [(found[labels == c] == c).double().mean() for c in torch.unique(labels[labels >= 0])]
        return float(torch.stack(of_each).mean())


def learn_classes(reals: Reals) -> ClassReader:
    """From reals of which at least one has a class."""
    known = reals.labels >= 0
    numbers = _seen(reals.pictures, reals.features)[known]
    classes, right, counts = torch.unique(reals.labels[known], return_inverse=True, return_counts=True)
    std, mean = torch.std_mean(numbers, dim=0, correction=0)
    std = std.clamp(min=1e-6)
    weight = _softmax_regression(_scaled(numbers, mean, std), right, len(classes))
    return ClassReader(mean, std, weight, classes, counts.double() / counts.sum())


def _softmax_regression(numbers: Tensor, right: Tensor, classes: int) -> Tensor:
    """Weights (d, classes) for numbers (N, d), the last of them 1, and the right classes (N,)."""
    weight = torch.zeros((numbers.shape[1], classes), dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([weight], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        found = F.cross_entropy(numbers @ weight, right) + DECAY * weight[:-1].square().sum()
        found.backward()  # type: ignore[no-untyped-call]
        return found

    search.step(loss)  # type: ignore[no-untyped-call]
    return weight.detach()


def _seen(pictures: Tensor, features: Tensor) -> Tensor:
    """Features and reduced pixels, float64 (N, d)."""
    reduced = F.adaptive_avg_pool2d(pictures.double() / 255, min(SIDE, pictures.shape[-1]))
    return torch.cat([features.double(), reduced.flatten(1)], dim=1)


def _scaled(numbers: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """(N, d) -> (N, d + 1), the last 1 for the bias; cut, so that a pixel that reals leave black decides nothing alone."""
    return F.pad(((numbers - mean) / std).clamp(-FURTHEST, FURTHEST), (0, 1), value=1.0)
