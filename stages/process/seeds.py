"""Derive seeds from keys: a random generator depends only on (seed, stage, step, rank, purpose)."""

import hashlib

import numpy as np
from numpy.typing import NDArray


def derive_seed(*key: object) -> int:
    """A seed in [0, 2^63) from any printable key."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def chosen(total: int, count: int, *key: object) -> NDArray[np.int64]:
    """`count` of the numbers 0 to `total` - 1 in random order (all of them, if there are fewer); the same for the same key.

    For a part that stands for a whole dataset: the first ones do not, since folders are sorted by class.
    """
    return np.random.default_rng(derive_seed(*key)).permutation(total)[:count]
