"""Feature extractors, used to compare generated with real images.

There are three: one trained on the dataset's own images (stages/features/local.py), one trained on ImageNet
(stages/features/imagenet.py), and Inception (stages/features/inception.py).
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from espalier.stages.contracts.in_parts import Images, parts_of, squared
from espalier.stages.process.progress import Bar


class Extractor(ABC):
    """Images uint8 (N, channels, H, W), padded to squares -> features float32 (N, `width`) on the CPU, each independent."""

    name: str
    suffix: str
    """Suffix of the metrics computed with it: fid_local. Empty for Inception, whose metrics are those in papers."""
    width: int
    least: int
    """The minimum number of images."""
    channels: tuple[int, ...]
    """Supported numbers of channels."""
    digest: str
    """Digest of its weights."""
    at_once: int

    @torch.no_grad()
    def __call__(self, images: Images, title: str = "features") -> Tensor:
        """Features of all images, with a progress bar of this title."""
        parts, done = [], 0
        with Bar(title, len(images)) as bar:
            for part in parts_of(images, self.at_once):
                parts.append(self.features(squared(part)[:]).cpu())
                done += len(part)
                if bar.due():
                    bar.show(done)
        return torch.cat(parts)

    @classmethod
    def named(cls, metric: str) -> str:
        """The name of a metric computed with it."""
        return f"{metric}{cls.suffix}"

    @abstractmethod
    def features(self, images: Tensor) -> Tensor:
        """Features of at most `at_once` images, on the network's device."""

    @abstractmethod
    def resizer(self, side: int) -> str:
        """Describe how images of this side length are resized for the network."""

    def notes(self) -> list[str]:
        """What to know of metrics computed with it."""
        return []

    def logits(self, features: Tensor) -> Tensor | None:
        """Logits of the network's own classes, (N, classes), from features (N, width); None if it has no classes."""
        return None
