"""What FashionGAN's networks are conditioned on: a sentence code and a segmentation map."""

from typing import NamedTuple

from torch import Tensor

CLASSES = 7
"""Classes of a map: hair, face, upper clothes, lower clothes, legs, arms, and the background last."""

COARSE = 8
"""Side of a coarse map."""


class SentenceAndMap(NamedTuple):
    """The condition of a batch.

    `code`: the sentence code (B, width), preceded by the person's attributes in variants that use them. `map`: per-pixel
    classes (B, classes, r, r), one-hot or, in a coarse map, shares in about 0..1; background last.
    """

    code: Tensor
    map: Tensor
