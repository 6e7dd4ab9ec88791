"""Resampling by the binomial filter [1, 3, 3, 1], as StyleGAN2 and R3GAN do; outside the image, there are zeros."""

import torch
import torch.nn.functional as F
from torch import Tensor


def up_filtered(x: Tensor) -> Tensor:
    """Twice the size, (B, C, H, W) -> (B, C, 2H, 2W): zeros between pixels, then the filter with gain 4."""
    for axis in (2, 3):
        padded = _padded(x, axis, 1, 1)
        before, after = padded.narrow(axis, 0, x.shape[axis]), padded.narrow(axis, 2, x.shape[axis])
        even, odd = (3 * x + before) / 4, (3 * x + after) / 4
        x = torch.stack([even, odd], dim=axis + 1).flatten(axis, axis + 1)
    return x


def down_filtered(x: Tensor) -> Tensor:
    """Half the size, (B, C, 2H, 2W) -> (B, C, H, W): the filter, then every second pixel."""
    for axis in (2, 3):
        size = x.shape[axis] // 2
        padded = _padded(x, axis, 1, 1)  # (x_-1, x_0), (x_1, x_2), ...
        first, second = (padded[:, :, k::2] if axis == 2 else padded[:, :, :, k::2] for k in (0, 1))
        x = (first.narrow(axis, 0, size) + 3 * second.narrow(axis, 0, size)) / 8 + (
            3 * first.narrow(axis, 1, size) + second.narrow(axis, 1, size)
        ) / 8
    return x


def blurred(x: Tensor, padding: int, gain: float = 1.0) -> Tensor:
    """The filter at every place, (B, C, H, W) -> (B, C, H + 2 padding - 3, ...)."""
    for axis in (2, 3):
        padded = _padded(x, axis, padding, padding)
        size = padded.shape[axis] - 3
        a, b, c, d = (padded.narrow(axis, k, size) for k in range(4))
        x = ((a + d) + 3 * (b + c)) * (gain**0.5 / 8)
    return x


def _padded(x: Tensor, axis: int, before: int, after: int) -> Tensor:
    return F.pad(x, (0, 0, before, after) if axis == 2 else (before, after))
