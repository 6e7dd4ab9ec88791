"""Which of a dataset's classes a generator finds, and how evenly.

Each fake counts for the class that a classifier sees in it. `modes` are the classes that occur; in nats,

    kl = KL(p || q),   p the classes' shares among fakes, q among reals, 0 log 0 = 0

Source: Srivastava et al., "VEEGAN", and Lin et al., "PacGAN", who count stacked MNIST's 1000 modes so, with q uniform; reals of
other datasets are not. A classifier that errs finds a few fakes in classes that there are none of: `kl` hardly minds.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class ClassShares:
    """`modes` of the K classes that occur; `kl` in nats, from 0."""

    modes: int
    kl: float


def class_shares(found: Tensor, shares: Tensor) -> ClassShares:
    """Figures of the classes (N,) found in fakes, numbers below K, beside the reals' shares (K,), all above 0."""
    counts = torch.bincount(found, minlength=len(shares)).double()
    p = counts / counts.sum()
    return ClassShares(int((counts > 0).sum()), float((torch.xlogy(p, p) - torch.xlogy(p, shares.double())).sum()))
