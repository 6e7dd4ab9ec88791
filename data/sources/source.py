"""What every source of pictures has in common."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _power_of_two(value: int) -> int:
    if value & (value - 1):
        below = 1 << (value.bit_length() - 1)
        raise ValueError(f"must be a power of two, such as {below} or {2 * below}")
    return value


Resolution = Annotated[int, Field(ge=4, le=4096), AfterValidator(_power_of_two)]
"""Side of a square picture in pixels: a power of two from 4 up."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: `image` uint8 (R, R, channels); `label` a class number, or -1; `map` uint8 (R, R) classes, if any;
    `record` whatever else is known about it, JSON-able; `code` float32 (W,), its sentence's code, if the data has any."""

    image: NDArray[np.uint8]
    label: int = -1
    map: NDArray[np.uint8] | None = None
    record: dict[str, Any] | None = None
    code: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """What a source holds before any picture is read: one name a picture, its channels, its class names.

    `code_width` is the length of the sentence codes that come with the pictures, 0 where none do; `notes` are sentences
    for the user about what was left out.
    """

    names: list[str]
    channels: int
    classes: list[str] = field(default_factory=list)
    has_maps: bool = False
    notes: list[str] = field(default_factory=list)
    code_width: int = 0


class DamagedPicture(Exception):
    """A picture cannot be read; the message says why."""


class Source(BaseModel):
    """Options every source has. `root` is what DVC watches: change it and the dataset is prepared again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    root: Path
    resolution: Resolution

    def listing(self) -> Listing:
        """List the pictures. Raises InputError where there are none, or none can be had."""
        raise NotImplementedError

    def picture(self, listing: Listing, index: int) -> Picture:
        """Picture number `index` of the listing at this resolution. Raises DamagedPicture."""
        raise NotImplementedError

    @property
    def max_damaged(self) -> float:
        """Share of pictures that may be damaged before the whole is refused."""
        return 0.0
