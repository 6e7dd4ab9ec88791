"""How many of a dataset's classes a generator covers, and how evenly.

Each fake counts for its predicted class. `modes` is the number of classes that occur; in nats,

    kl = KL(p || q),   p the classes' shares among fakes, q among reals, 0 log 0 = 0

Source: Srivastava et al., "VEEGAN", and Lin et al., "PacGAN", who count stacked MNIST's 1000 modes this way, with q uniform;
other datasets are not uniform. Classifier errors put a few fakes in missing classes, which hardly affects `kl`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class ClassShares:
    """`modes`: how many of the K classes occur; `kl`: in nats, at least 0."""

    modes: int
    kl: float


def class_shares(found: Tensor, shares: Tensor) -> ClassShares:
    """Metrics of the predicted classes (N,) of fakes, in 0..K-1, given the reals' shares (K,), all above 0."""
    counts = torch.bincount(found, minlength=len(shares)).double()
    p = counts / counts.sum()
    return ClassShares(int((counts > 0).sum()), float((torch.xlogy(p, p) - torch.xlogy(p, shares.double())).sum()))
