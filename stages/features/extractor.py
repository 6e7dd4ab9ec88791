"""What fakes are compared with reals by: a network that makes features of pictures.

Two are there: one trained on the dataset's own pictures (stages/features/local.py), and Inception (stages/features/inception.py).
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from espalier.stages.process.progress import Bar


class Extractor(ABC):
    """Pictures uint8 (N, channels, R, R) of any R -> features float32 (N, `width`) on the CPU; a picture's are its own."""

    name: str
    suffix: str
    """How figures made with it end: fid_local. Nothing for Inception, whose figures papers print."""
    width: int
    least: int
    """Fewer pictures than this are refused."""
    channels: tuple[int, ...]
    """Numbers of channels that it takes."""
    digest: str
    """Of its weights."""
    at_once: int

    @torch.no_grad()
    def __call__(self, pictures: Tensor, title: str = "features") -> Tensor:
        """Features of all the pictures, with a bar of this title."""
        parts, done = [], 0
        with Bar(title, len(pictures)) as bar:
            for part in torch.split(pictures, self.at_once):
                parts.append(self.features(part).cpu())
                done += len(part)
                if bar.due():
                    bar.show(done)
        return torch.cat(parts)

    @abstractmethod
    def features(self, pictures: Tensor) -> Tensor:
        """Of at most `at_once` pictures, on the network's device."""

    @abstractmethod
    def resizer(self, side: int) -> str:
        """How pictures of this side are brought to the network's, in words."""

    def logits(self, features: Tensor) -> Tensor | None:
        """Of the network's own classes, (N, classes), from its features (N, width); None where it has none."""
        return None
