"""Normalisation of hidden layers, each as a module (x, labels) -> x of the same shape, x of shape (B, C) or (B, C, H, W).

Only the conditional norm uses the class labels (B,).
"""

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from espalier.models import processes
from espalier.models.layers import pixel_norm, wide

NormName = Literal["none", "batch", "instance", "layer", "pixel"]
MakeNorm = Callable[[int], nn.Module]
"""Makes the norm for a layer with the given number of channels."""


class NoNorm(nn.Module):
    """Identity."""

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        return x


class BatchNorm(nn.BatchNorm2d):
    """Mean 0 and variance 1 of each channel over the batch (and positions), then a learned scale and shift.

    When sampling, running statistics replace those of the batch. Source: Ioffe and Szegedy, "Batch Normalization".
    """

    def _check_input_dim(self, input: Tensor) -> None:
        pass  # accept (B, C) as well as (B, C, H, W)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        if self.training and processes.several():
            shape = (1, -1, *[1] * (x.ndim - 2))
            normed = normalised_by_all(x, self) * self.weight.view(shape) + self.bias.view(shape)
            return normed.to(x.dtype)
        return super().forward(x)


def normalised_by_all(x: Tensor, norm: nn.BatchNorm2d) -> Tensor:
    """x with mean 0 and variance 1 over the batches of all processes, in float32; moves the running statistics, too."""
    over = (0, *range(2, x.ndim))
    x = wide(x)
    mean = processes.mean(x.mean(over, keepdim=True))
    var = processes.mean((x - mean).square().mean(over, keepdim=True))
    with torch.no_grad():
        count = x.numel() / x.shape[1] * processes.world()
        moved = ((norm.running_mean, mean), (norm.running_var, var * count / max(count - 1, 1)))
        for running, now in moved:
            if running is not None:
                running.lerp_(now.flatten().to(running.dtype), norm.momentum or 0.0)
        if norm.num_batches_tracked is not None:
            norm.num_batches_tracked.add_(1)
    return (x - mean) * (var + norm.eps).rsqrt()


class InstanceNorm(nn.InstanceNorm2d):
    """Mean 0 and variance 1 of each channel of each sample over its positions; for images only.

    Source: Ulyanov et al., "Instance Normalization".
    """

    def __init__(self, width: int) -> None:
        super().__init__(width, affine=True)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().forward(x)


class LayerNorm(nn.GroupNorm):
    """Mean 0 and variance 1 of each sample over all channels and positions, with a scale and shift per channel.

    Source: Ba et al., "Layer Normalization"; for critics with a gradient penalty, Gulrajani et al., section 4.
    """

    def __init__(self, width: int) -> None:
        super().__init__(1, width)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().forward(x)


class PixelNorm(nn.Module):
    """Normalise each pixel's feature vector to unit mean square; see `espalier.models.layers.pixel_norm`."""

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        return pixel_norm(x)


class ConditionalBatchNorm(nn.Module):
    """Batch norm whose scale (initially 1) and shift (initially 0) are looked up by class.

    Source: Dumoulin et al., "A Learned Representation for Artistic Style"; eps 1e-5 as in the released SAGAN.
    """

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width, affine=False)
        self.scale, self.shift = nn.Embedding(classes, width), nn.Embedding(classes, width)
        nn.init.ones_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        if labels is None:
            raise ValueError("a conditional norm needs labels")
        mean, var = self.norm.running_mean, self.norm.running_var
        if self.training and processes.several():
            normed = normalised_by_all(x, self.norm)
        else:
            normed = F.batch_norm(x, mean, var, training=self.training, momentum=0.1, eps=self.norm.eps)
        shape = (len(x), -1, *[1] * (x.ndim - 2))
        scaled: Tensor = normed * self.scale(labels).view(shape) + self.shift(labels).view(shape)
        return scaled.to(x.dtype)


NORMS: dict[NormName, MakeNorm] = {
    "none": lambda width: NoNorm(),
    "batch": BatchNorm,
    "instance": InstanceNorm,
    "layer": LayerNorm,
    "pixel": lambda width: PixelNorm(),
}
