"""Sample kinds of FashionGAN's two stages; sample sheets show each output next to its input map."""

from typing import Any

import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from espalier.models.fashiongan.condition import SentenceAndMap
from espalier.stages.contracts.condition import Condition
from espalier.stages.kinds.grids import grid
from espalier.stages.kinds.images import Images
from espalier.stages.kinds.maps import CLASSES, Maps, coloured


class DressedImages(Images):
    """Images of people."""

    def sheet(self, finished: Tensor, condition: Condition, reals: NDArray[Any]) -> Image.Image:
        return beside_maps(condition, finished)


class DressedMaps(Maps):
    """Maps of people."""

    def sheet(self, finished: Tensor, condition: Condition, reals: NDArray[Any]) -> Image.Image:
        return beside_maps(condition, finished)


def shown_maps(maps: Tensor, size: int) -> Tensor:
    """Colour network input maps (B, classes, r, r) -> uint8 (B, 3, size, size). With four classes, everything except hair,
    face and background shares one colour."""
    likeliest = maps.argmax(dim=1)
    last = maps.shape[1] - 1
    classes = (likeliest + 1).where(likeliest < last, torch.zeros_like(likeliest))
    if last + 1 < CLASSES:
        classes = classes.where(classes < last, torch.full_like(classes, 3))
    images = coloured(classes.to(torch.uint8).cpu())
    return F.interpolate(images, size=(size, size), mode="nearest")


def beside_maps(condition: Condition, made: Tensor) -> Image.Image:
    """Lay out pairs of input map and generated output, uint8 (N, channels, R, R)."""
    assert isinstance(condition, SentenceAndMap)
    made = made.expand(-1, 3, -1, -1)
    pairs = torch.stack([shown_maps(condition.map, made.shape[-1]), made], dim=1).flatten(0, 1)
    return grid(pairs, columns=16)
