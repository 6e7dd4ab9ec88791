"""Classify images into the dataset's classes with a linear classifier, trained on the reals themselves.

Its inputs are an image's features and its pixels, reduced to 16x16: features trained to discriminate single images miss what a
class has in common (with 2,000 images of Fashion-MNIST, held-out accuracy is 0.82, and 0.75 without the pixels). It is trained
for each evaluation, in seconds, on the reals that fakes are compared with, and tested on the other reals: if it fails on those,
its results on fakes are not reported. Softmax regression on standardised inputs (mean 0, standard deviation 1), by L-BFGS in
float64 from 0, hence deterministic.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from espalier.stages.contracts.in_parts import Images, pooled
from espalier.stages.evaluation.reference import Reals

DECAY, STEPS, SIDE, FURTHEST = 0.001, 200, 16, 5.0
"""DECAY is the L2 penalty, which matters when there are more inputs than images."""


@dataclass(frozen=True)
class ClassReader:
    """`classes` (K,) are the labels seen in training, `shares` (K,) their shares among the reals. For d inputs per image: `mean`
    and `std` (d,), and `weight` (d + 1, K) with the bias last."""

    mean: Tensor
    std: Tensor
    weight: Tensor
    classes: Tensor
    shares: Tensor

    def logits(self, images: Images, features: Tensor) -> Tensor:
        """Logits (N, K), float64, of images uint8 (N, channels, R, R) and their features."""
        return _scaled(_seen(images, features), self.mean, self.std) @ self.weight

    def recognised(self, reals: Reals) -> float:
        """Accuracy on the labelled reals, averaged over classes so that rare ones count."""
        found = self.classes[self.logits(reals.images, reals.features).argmax(dim=1)]
        labels = reals.labels
        of_each = [(found[labels == c] == c).double().mean() for c in torch.unique(labels[labels >= 0])]
        return float(torch.stack(of_each).mean())


def learn_classes(reals: Reals) -> ClassReader:
    """Train on reals of which at least one is labelled."""
    known = reals.labels >= 0
    numbers = _seen(reals.images, reals.features)[known]
    classes, right, counts = torch.unique(reals.labels[known], return_inverse=True, return_counts=True)
    std, mean = torch.std_mean(numbers, dim=0, correction=0)
    std = std.clamp(min=1e-6)
    weight = _softmax_regression(_scaled(numbers, mean, std), right, len(classes))
    return ClassReader(mean, std, weight, classes, counts.double() / counts.sum())


def _softmax_regression(numbers: Tensor, right: Tensor, classes: int) -> Tensor:
    """Weights (d, classes) for inputs (N, d), the last input being 1, and targets (N,)."""
    weight = torch.zeros((numbers.shape[1], classes), dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([weight], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        found = F.cross_entropy(numbers @ weight, right) + DECAY * weight[:-1].square().sum()
        found.backward()  # type: ignore[no-untyped-call]
        return found

    search.step(loss)  # type: ignore[no-untyped-call]
    return weight.detach()


def _seen(images: Images, features: Tensor) -> Tensor:
    """Features and reduced pixels, float64 (N, d)."""
    reduced = pooled(images, min(SIDE, images.shape[-1]), torch.float64)
    return torch.cat([features.double(), reduced.flatten(1)], dim=1)


def _scaled(numbers: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """(N, d) -> (N, d + 1), the last 1 for the bias; clipped, so that no pixel that is black in all reals decides alone."""
    return F.pad(((numbers - mean) / std).clamp(-FURTHEST, FURTHEST), (0, 1), value=1.0)
