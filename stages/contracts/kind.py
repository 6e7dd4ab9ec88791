"""Kinds of data: conversion from the store to a batch, and from a network's output to images and metrics."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from espalier.data.store import Store
from espalier.stages.contracts.condition import Condition


class Kind(ABC):
    """Images, points or maps. `shown`: samples per sheet; `at_once`: batch size for generating samples."""

    name: ClassVar[str]
    shown: ClassVar[int]
    at_once: ClassVar[int]

    @abstractmethod
    def stored(self, store: Store, resolution: int | None) -> NDArray[Any]:
        """The data (N, ...), memory-mapped. Raises InputError if the store lacks this kind or resolution."""

    @abstractmethod
    def verify(self, store: Store, resolution: int | None) -> None:
        """Check the data against their digests. Raises InputError if a byte differs."""

    @abstractmethod
    def batch(self, rows: Tensor) -> Tensor:
        """Stored rows -> network input."""

    @abstractmethod
    def finished(self, made: Tensor) -> Tensor:
        """A network's output -> uint8 images (B, channels, R, R) or points (B, d), on the CPU: for display, probes, metrics."""

    @abstractmethod
    def as_finished(self, stored: NDArray[Any]) -> Tensor:
        """Stored rows in the form of `finished`."""

    @abstractmethod
    def sheet(self, finished: Tensor, condition: Condition, reals: NDArray[Any]) -> Image.Image:
        """Finished samples laid out as an image."""
