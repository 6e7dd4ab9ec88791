"""The interface of sources of points instead of images."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from espalier.data.sources.source import DataSource


@dataclass(frozen=True, slots=True)
class Points:
    """Points with their ground truth.

    `points` float32 (count, d); `labels` int64 (count,): each point's mode, or -1 if there are no modes;
    `centres` float64 (K, d): the means of the modes, (0, d) if there are none; `std`: the standard deviation of
    every mode along every axis, in the units of the points, or None if there are no modes.
    """

    points: NDArray[np.float32]
    labels: NDArray[np.int64]
    centres: NDArray[np.float64]
    std: float | None


class PointSource(DataSource):
    """Options common to all sources of points."""

    count: int = Field(default=100_000, ge=1, description="number of points to draw")

    @abstractmethod
    def draw(self) -> Points:
        """Draw the points: the same for the same options."""
