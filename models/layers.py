"""The layers of ProGAN: equalised weights, pixel norm, and resizing convolutions.

Source: Karras et al., "Progressive Growing of GANs", section 4 and appendix A, and the official TensorFlow
release (`networks.py`) where the paper leaves a choice open.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from espalier.models.convolution import conv2d, shifted

FUSED_FROM = 16
"""Resizing convolutions use their fused form when the larger of the two images has at least this side.

Both forms compute the same function. The fused one does half the arithmetic, but its 4x4 kernel only pays off from
16x16 up.
"""


class EqualizedWeight(nn.Module):
    """Weight drawn from N(0, 1) and scaled at run time by gain / sqrt(fan_in); bias zero, not scaled.

    This gives every layer the same effective learning rate, whatever its width (section 4.1).
    """

    def __init__(self, shape: tuple[int, ...], gain: float = math.sqrt(2.0), bias: int | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(shape))
        self.bias = nn.Parameter(torch.zeros(shape[0] if bias is None else bias))
        self.scale = gain / math.sqrt(math.prod(shape[1:]))

    def scaled(self) -> Tensor:
        """The scaled weight."""
        return self.weight * self.scale


class EqualizedLinear(EqualizedWeight):
    """Dense layer, (B, inputs) -> (B, outputs)."""

    def __init__(self, inputs: int, outputs: int, gain: float = math.sqrt(2.0)) -> None:
        super().__init__((outputs, inputs), gain)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.scaled(), self.bias)


class EqualizedEmbedding(EqualizedWeight):
    """Class labels (B,) -> (B, width): a row for each class, scaled like the row of a dense layer with that many inputs."""

    def __init__(self, classes: int, width: int, gain: float = math.sqrt(2.0)) -> None:
        super().__init__((classes, width), gain)
        self.register_parameter("bias", None)

    def forward(self, labels: Tensor) -> Tensor:
        return F.embedding(labels, self.scaled())


class EqualizedConv2d(EqualizedWeight):
    """Square convolution that keeps the size, (B, inputs, H, W) -> (B, outputs, H, W)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, gain: float = math.sqrt(2.0)) -> None:
        super().__init__((outputs, inputs, kernel, kernel), gain)
        self.padding = kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(x, self.scaled(), self.bias, padding=self.padding)


def _summed_shifts(weight: Tensor) -> Tensor:
    """The four one-pixel shifts of a 3x3 kernel, summed into a 4x4 one."""
    return F.avg_pool2d(F.pad(weight, (1, 1, 1, 1)), 2, stride=1, divisor_override=1)


class UpConv2d(EqualizedWeight):
    """Nearest-neighbour doubling, then a 3x3 convolution: (B, inputs, H, W) -> (B, outputs, 2H, 2W).

    Doubling repeats every pixel four times, so the same sum is one stride-2 transposed convolution with the
    four shifted kernels added up.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__((outputs, inputs, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        if 2 * x.shape[-1] < FUSED_FROM:
            return conv2d(double(x), self.scaled(), self.bias, padding=1)
        kernel = _summed_shifts(self.scaled()).flip(2, 3).transpose(0, 1)
        return F.conv_transpose2d(x, kernel, self.bias, stride=2, padding=1)


class DownConv2d(EqualizedWeight):
    """A 3x3 convolution, then the mean of each 2x2 square, then the bias: (B, inputs, H, W) -> (B, outputs, H/2, W/2).

    The mean of four shifted convolutions is one stride-2 convolution with the mean of the shifted kernels.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__((outputs, inputs, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] < FUSED_FROM:
            return shifted(halve(conv2d(x, self.scaled(), None, padding=1)), self.bias)
        return conv2d(x, _summed_shifts(self.weight * (self.scale / 4)), self.bias, stride=2, padding=1)


def wide(x: Tensor) -> Tensor:
    """x in float32 or wider: in bfloat16, a statistic over a batch would be rounded to 8 bits."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def pixel_norm(x: Tensor) -> Tensor:
    """x / sqrt(mean of x^2 over channels + 1e-8), for each pixel separately (section 4.2). Any shape (B, C, ...).

    Uses the vector norm, whose derivative needs fewer passes over memory than that of the mean square.
    """
    length = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    normed: Tensor = x * (length.square() / x.shape[1] + 1e-8).rsqrt().to(x.dtype)  # autocast computes norms in float32
    return normed


def leaky_relu(x: Tensor) -> Tensor:
    """Leaky ReLU with ProGAN's slope 0.2."""
    return F.leaky_relu(x, 0.2)


def double(x: Tensor) -> Tensor:
    """Repeat each pixel 2x2: (B, C, H, W) -> (B, C, 2H, 2W)."""
    with torch.autocast(x.device.type, enabled=False):  # which would make it float32 on a GPU
        return F.interpolate(x, scale_factor=2.0, mode="nearest")


def blend(old: Tensor, new: Tensor, alpha: float) -> Tensor:
    """old + alpha (new - old), in the precision of `new`."""
    return old.to(new.dtype).lerp(new, alpha)


def halve(x: Tensor) -> Tensor:
    """Average each 2x2 square: (B, C, H, W) -> (B, C, H/2, W/2)."""
    return F.avg_pool2d(x, 2)
