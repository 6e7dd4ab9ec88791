"""Derive seeds from keys: a random generator depends only on (seed, stage, step, rank, purpose)."""

import hashlib


def derive_seed(*key: object) -> int:
    """A seed in [0, 2^63) from any printable key."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
