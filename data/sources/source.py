"""The interface of sources of images."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from espalier.data.sources.files import check_there


def _power_of_two(value: int) -> int:
    if value & (value - 1):
        below = 1 << (value.bit_length() - 1)
        raise ValueError(f"must be a power of two, such as {below} or {2 * below}")
    return value


Resolution = Annotated[int, Field(ge=4, le=4096), AfterValidator(_power_of_two)]
"""Side of a square image in pixels: a power of two from 4 up."""


@dataclass(frozen=True, slots=True)
class Example:
    """One image: `image` uint8 (H, W, channels); `label` the class index, or -1; `map` the uint8 (R, R) segmentation map,
    if any; `record` JSON-serialisable metadata; `code` float32 (W,), the sentence code, if the data has one; whether it was
    `enlarged` to this resolution, and is `coloured`, if the source says so."""

    image: NDArray[np.uint8]
    label: int = -1
    map: NDArray[np.uint8] | None = None
    record: dict[str, Any] | None = None
    code: NDArray[np.float32] | None = None
    enlarged: bool = False
    coloured: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """What is known of a source before any image is read: one name per image, the channels, the class names.

    `code_width` is the length of the sentence codes included in the data, 0 if there are none. `notes` are messages
    for the user about what was skipped. `values` are those of black and white in float and 16-bit images, if they differ from
    what the files say.
    """

    names: list[str]
    channels: int
    classes: list[str] = field(default_factory=list)
    has_maps: bool = False
    notes: list[str] = field(default_factory=list)
    code_width: int = 0
    values: tuple[float, float] | None = None
    shape: tuple[int, int] = (4, 4)
    """Height and width at the smallest size; see `espalier.data.frames`."""
    assumed: bool = False
    """Whether that all are grey is concluded from some of them: if one has colour, all are prepared with colour."""


class DamagedImage(Exception):
    """An image cannot be read; the message says why."""


class DataSource(BaseModel, ABC):
    """Options common to all sources. DVC tracks `root`: a change in it makes DVC prepare the dataset again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    root: Path

    def check_root(self) -> None:
        """Check that the data are there, before anything is run.

        Raises:
            InputError: they are not.
        """
        check_there(self.root)


class Source(DataSource):
    """Options common to all sources of images."""

    resolution: Resolution

    @abstractmethod
    def listing(self) -> Listing:
        """List the images. Raises InputError if there are none or they are unavailable."""

    @abstractmethod
    def example(self, listing: Listing, index: int) -> Example:
        """The image at `index` of the listing, at this resolution. Raises DamagedImage."""

    @property
    def max_damaged(self) -> float:
        """Share of images that may be damaged before the dataset is rejected."""
        return 0.0
