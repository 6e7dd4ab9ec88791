"""Metrics for translated people: position of hair and face, accuracy of the outfit, and distance to real images.

`iou`: intersection over union of one class in two maps. `accuracies`: outfits are recognised by rules
(`data/dolls/reading.py`) and scored where the sentence mentions them, so it applies to drawn dolls only. `distance`: Fréchet
distance of images downsampled to 8x8 in [0, 1], on pixels instead of Inception features; it measures colours and layout, not
texture.
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
    """IoU of one class in pairs of maps (N, R, R): the mean over pairs where either map has it; nan if none has."""
    a, b = one == part, other == part
    either = (a | b).sum(axis=(1, 2))
    shares = (a & b).sum(axis=(1, 2))[either > 0] / either[either > 0]
    return float(shares.mean()) if len(shares) else float("nan")


def accuracies(
    images: NDArray[np.uint8],
    bodies: Sequence[Mapping[str, Any]],
    wanted: Sequence[Mapping[str, Any]],
    mentioned: Sequence[frozenset[str]],
) -> dict[str, float]:
    """Per outfit field, the share of images uint8 (N, R, R, 3) that match the sentence's doll, among those whose sentence
    mentions the field. `bodies` and `wanted`: attributes of the doll in the image and of the sentence's doll."""
    right: dict[str, list[bool]] = {name: [] for name in FIELDS}
    for image, body, doll, fields in zip(images, bodies, wanted, mentioned, strict=True):
        found, asked = read_outfit(image, body), worn(doll)
        for name in fields:
            right[name].append(getattr(found, name) == getattr(asked, name))
    return {name: float(np.mean(of)) if of else float("nan") for name, of in right.items()}


def distance(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Fréchet distance between two sets of images uint8 (N, R, R, channels); use a few hundred images, to estimate
    covariances of 8 x 8 x channels features."""
    return frechet(moments(_reduced(one)), moments(_reduced(other)))


def _reduced(images: NDArray[np.uint8]) -> Tensor:
    count, size, _, channels = images.shape
    step = size // REDUCED
    blocks = images.reshape(count, REDUCED, step, REDUCED, step, channels).mean(axis=(2, 4))
    return torch.from_numpy(blocks.reshape(count, -1) / 255)
