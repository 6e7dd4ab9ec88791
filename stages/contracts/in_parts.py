"""Images that are read or generated in parts, so that they need not all be in memory."""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

PART_BYTES, HELD_BYTES = 2**24, 2**28
"""Bytes of images that are worked on at once, and up to which a whole set is held in memory."""


class InParts:
    """N images uint8 (channels, R, R). A slice of them is a tensor.

    `part` makes the images from one place to another. It is called for parts of one size, so that what it makes does not
    depend on who asks.
    """

    def __init__(self, count: int, image: torch.Size, part: Callable[[int, int], Tensor]) -> None:
        self.shape = torch.Size((count, *image))
        self._part, self._step = part, part_length(self.shape)
        self._last: tuple[int, Tensor] | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, places: slice) -> Tensor:
        start, end, stride = places.indices(len(self))
        first, step = start // self._step * self._step, self._step
        parts = [self._at(at)[max(start - at, 0) : end - at] for at in range(first, max(end, first + 1), step)]
        return torch.cat(parts)[::stride]

    def _at(self, start: int) -> Tensor:
        if self._last is None or self._last[0] != start:
            self._last = start, self._part(start, min(start + self._step, len(self)))
        return self._last[1]


Images = Tensor | InParts
"""Images uint8 (N, channels, R, R), or other samples (N, ...), in memory or in parts."""


def in_parts(count: int, part: Callable[[int, int], Tensor]) -> Images:
    """`count` images that `part` makes from one place to another; held in memory if they are small, as the first one tells."""
    image = part(0, 1).shape[1:]
    if count * image.numel() <= HELD_BYTES:
        return part(0, count)
    return InParts(count, image, part)


def first(images: Images, count: int) -> Images:
    """The first of the images, in parts if these are."""
    if isinstance(images, Tensor):
        return images[:count]
    return InParts(min(count, len(images)), images.shape[1:], lambda start, end: images[start:end])


def part_length(shape: torch.Size) -> int:
    """Number of images of a set of this shape to work on at once."""
    return max(1, PART_BYTES // max(1, shape[1:].numel()))


def parts_of(images: Images, most: int | None = None) -> Iterator[Tensor]:
    """The images in parts of at most `most`."""
    step = min(part_length(images.shape), most or len(images) or 1)
    for start in range(0, len(images), step):
        yield images[start : start + step]


def squared(images: Images) -> Images:
    """Images padded with black to squares of their longer side, in the middle."""
    height, width = images.shape[-2:]
    if height == width:
        return images
    if isinstance(images, Tensor):
        wide, high = max(0, height - width), max(0, width - height)
        return F.pad(images, (wide // 2, wide - wide // 2, high // 2, high - high // 2))
    side, whole = max(height, width), images
    shape = torch.Size((images.shape[1], side, side))
    return InParts(len(images), shape, lambda start, end: squared(whole[start:end])[:])


def pooled(images: Images, side: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Images in [0, 1], averaged down to (N, channels, side, side)."""
    return torch.cat([F.adaptive_avg_pool2d(part.to(dtype) / 255, side) for part in parts_of(images)])
