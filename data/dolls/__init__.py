"""Paper dolls: a synthetic dataset of people in outfits, each with a segmentation map and a sentence."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from espalier.data.dolls.colours import Background
from espalier.data.dolls.drawing import draw
from espalier.data.dolls.outfit import attributes, sample_doll
from espalier.data.dolls.sentences import describe


class Drawing(NamedTuple):
    """A drawn doll."""

    image: NDArray[np.uint8]
    """RGB values 0..255, (resolution, resolution, 3)."""
    map: NDArray[np.uint8]
    """Classes 0..6, (resolution, resolution); `espalier.data.dolls.canvas.Part` names them."""
    attributes: dict[str, str | bool | float]
    """The doll's properties, ready for JSON."""
    sentence: str
    """One English sentence about the outfit."""


def doll(seed: int, index: int, resolution: int, background: Background | None = None) -> Drawing:
    """Draw doll `index` of the set `seed`; `resolution` is a power of two from 4 to 256. `background`, if given, is plain.

    The doll depends only on `seed` and `index`: it is the same at every resolution, in any order, in any worker.
    """
    rng = np.random.default_rng([seed, index])
    sampled = sample_doll(rng)
    sentence = describe(sampled, rng)
    if background is not None:
        sampled = replace(sampled, background=background, gradient=0.0)
    image, classes = draw(sampled, resolution)
    return Drawing(image, classes, attributes(sampled), sentence)
