"""What is learned, on its way from the store to a batch, and from a network's output to people and metrics."""

from typing import Any, Protocol

from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from espalier.data.store import Store
from espalier.stages.contracts.condition import Condition


class Kind(Protocol):
    """Images, points, maps. `shown`: samples on a sheet; `at_once`: how many a generator makes at a time."""

    name: str
    shown: int
    at_once: int

    def stored(self, store: Store, resolution: int | None) -> NDArray[Any]:
        """The data (N, ...), memory-mapped. Raises InputError where the store holds another kind, or not this resolution."""
        ...

    def verify(self, store: Store, resolution: int | None) -> None:
        """Compare the data with their digests. Raises InputError where a byte differs."""
        ...

    def batch(self, rows: Tensor) -> Tensor:
        """Stored rows -> what networks see."""
        ...

    def finished(self, made: Tensor) -> Tensor:
        """A network's output -> uint8 images (B, channels, R, R) or points (B, d), on the CPU: for people, probes, metrics."""
        ...

    def as_finished(self, stored: NDArray[Any]) -> Tensor:
        """Stored rows in the form of `finished`."""
        ...

    def sheet(self, finished: Tensor, condition: Condition, reals: NDArray[Any]) -> Image.Image:
        """Finished samples laid out for people."""
        ...
