"""Convolution whose second derivative is fast on a GPU: for every discriminator under a gradient penalty.

PyTorch differentiates the gradient of a convolution with respect to its weight by convolving with a kernel of the image's
size, for which cuDNN has no fast algorithm. The same derivative is an ordinary weight gradient:

    y = conv(x, w)     grad_x = conv^T(g, w)     grad_w = wgrad(g, x)
    each of the three is linear in both of its arguments, and its derivatives are the other two

Source: Karras et al., "Training Generative Adversarial Networks with Limited Data", release, `conv2d_gradfix.py`. On a CPU
PyTorch's own is faster, and is used.
"""

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FROM = 32
"""Smaller images take PyTorch's derivative: there the GPU waits for the launches of kernels, which are fewer that way."""
EIGHT = 8
"""cuDNN's tensor-core kernels take channels in eights; an RGB image or an added feature map is padded with zeros to that."""

Shape = tuple[int, ...]


def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int = 1, padding: int = 0) -> Tensor:
    """F.conv2d: (B, inputs, H, W), (outputs, inputs, k, k) -> (B, outputs, H', W')."""
    if not x.is_cuda or x.shape[-1] < FROM:
        return F.conv2d(x, weight, bias, stride, padding)
    if torch.is_autocast_enabled("cuda"):
        low = torch.get_autocast_dtype("cuda")
        x, weight, bias = x.to(low), weight.to(low), None if bias is None else bias.to(low)
    missing = -x.shape[1] % EIGHT
    if missing:
        x, weight = (F.pad(t, (0, 0, 0, 0, 0, missing)) for t in (x, weight))
    y: Tensor = Convolution.apply(x, weight, stride, padding)
    return y if bias is None else shifted(y, bias)


def shifted(x: Tensor, bias: Tensor) -> Tensor:
    """x + bias by channel, in the precision of x (autocast would go on in that of the bias, float32)."""
    return x + bias.to(x.dtype)[:, None, None]


class Conv2d(nn.Conv2d):
    """nn.Conv2d by `conv2d`; square strides and zero padding only."""

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if isinstance(self.padding, str):
            raise ValueError(f"give the padding of a Conv2d as a number, not '{self.padding}'")
        return conv2d(input, weight, bias, self.stride[0], self.padding[0])


class Convolution(torch.autograd.Function):
    """y = conv(x, w)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, None, stride, padding)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, weight = ctx.saved_tensors
        to_x, to_weight = ctx.needs_input_grad[:2]
        place = ctx.stride, ctx.padding
        return (
            GradientOfInput.apply(g, weight, x.shape, *place) if to_x else None,
            GradientOfWeight.apply(g, x, weight.shape, *place) if to_weight else None,
            None,
            None,
        )


class GradientOfInput(torch.autograd.Function):
    """conv^T(g, w)."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, weight: Tensor, shape: Shape, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(g, weight)
        ctx.stride, ctx.padding = stride, padding
        lost = [
            n - ((m - 1) * stride - 2 * padding + weight.shape[-1]) for n, m in zip(shape[2:], g.shape[2:], strict=True)
        ]
        return F.conv_transpose2d(g, weight, None, stride, padding, lost)

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        g, weight = ctx.saved_tensors
        to_g, to_weight = ctx.needs_input_grad[:2]
        place = ctx.stride, ctx.padding
        return (
            Convolution.apply(d, weight, *place) if to_g else None,
            GradientOfWeight.apply(g, d, weight.shape, *place) if to_weight else None,
            None,
            None,
            None,
        )


class GradientOfWeight(torch.autograd.Function):
    """wgrad(g, x)."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, x: Tensor, shape: Shape, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(g, x)
        ctx.stride, ctx.padding = stride, padding
        of_shape = g.new_empty(1).expand(shape)  # only its shape is read
        places = [stride, stride], [padding, padding], [1, 1], False, [0, 0], 1
        gradients = torch.ops.aten.convolution_backward(g, x, of_shape, None, *places, [False, True, False])
        return cast(Tensor, gradients[1])

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        g, x = ctx.saved_tensors
        to_g, to_x = ctx.needs_input_grad[:2]
        place = ctx.stride, ctx.padding
        return (
            Convolution.apply(x, d, *place) if to_g else None,
            GradientOfInput.apply(g, d, x.shape, *place) if to_x else None,
            None,
            None,
            None,
        )
