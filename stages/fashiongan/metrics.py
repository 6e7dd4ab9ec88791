"""What translated people are worth: where hair and face are, what outfits are read, and how far they are from real ones.

`iou`: intersection over union of one class's places in two maps. Outfits are read by rule (`data/dolls/reading.py`), and count
where the sentence tells them; so the figures are of drawn dolls. `distance`: the Fréchet distance of pictures reduced to 8x8 in
[0, 1], pixels instead of Inception's features: it sees colours and their layout, and no texture.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from espalier.data.dolls.reading import Outfit, read_outfit, worn
from espalier.stages.metrics.frechet import frechet, moments

REDUCED = 8
FIELDS = Outfit._fields


def iou(one: NDArray[np.uint8], other: NDArray[np.uint8], part: int) -> float:
    """Of one class in pairs of maps (N, R, R): the mean over the pairs in which either has it; nan where none has."""
    a, b = one == part, other == part
    either = (a | b).sum(axis=(1, 2))
    shares = (a & b).sum(axis=(1, 2))[either > 0] / either[either > 0]
    return float(shares.mean()) if len(shares) else float("nan")


def accuracies(
    pictures: NDArray[np.uint8],
    bodies: Sequence[Mapping[str, Any]],
    wanted: Sequence[Mapping[str, Any]],
    told: Sequence[frozenset[str]],
) -> dict[str, float]:
    """Share of pictures uint8 (N, R, R, 3) on which each field of an outfit is read as the sentence's doll wears it, of those
    whose sentence tells it. `bodies` and `wanted`: attributes of the doll in the picture, and of the sentence's doll."""
    right: dict[str, list[bool]] = {name: [] for name in FIELDS}
    for picture, body, doll, fields in zip(pictures, bodies, wanted, told, strict=True):
        found, asked = read_outfit(picture, body), worn(doll)
        for name in fields:
            right[name].append(getattr(found, name) == getattr(asked, name))
    return {name: float(np.mean(of)) if of else float("nan") for name, of in right.items()}


def distance(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Fréchet distance of two sets of pictures uint8 (N, R, R, channels); N should be some hundreds, for covariances of
    8 x 8 x channels."""
    return frechet(moments(_reduced(one)), moments(_reduced(other)))


def _reduced(pictures: NDArray[np.uint8]) -> Tensor:
    count, size, _, channels = pictures.shape
    step = size // REDUCED
    blocks = pictures.reshape(count, REDUCED, step, REDUCED, step, channels).mean(axis=(2, 4))
    return torch.from_numpy(blocks.reshape(count, -1) / 255)
