"""Inception score of class probabilities: high if each sample has a confident class and all classes occur.

    exp( mean over x of KL( p(y|x) || p(y) ) )

Source: Salimans et al., "Improved Techniques for Training GANs", section 4: mean and standard deviation over 10 splits, in
sample order. Scores from different classifiers are not comparable. The score ignores the data and does not detect collapse
within a class.
"""

import torch
from torch import Tensor

SPLITS = 10


def inception_score(probabilities: Tensor, splits: int = SPLITS) -> tuple[float, float]:
    """Mean and standard deviation over splits of probabilities (N, classes), N at least `splits`."""
    scores, count = [], len(probabilities)
    for i in range(splits):
        part = probabilities[i * count // splits : (i + 1) * count // splits].double()
        entropy_gap = torch.xlogy(part, part) - torch.xlogy(part, part.mean(dim=0))
        scores.append(entropy_gap.sum(dim=1).mean().exp())
    found = torch.stack(scores)
    return float(found.mean()), float(found.std(correction=0))
