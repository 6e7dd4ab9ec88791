"""The convolution with derivatives of its own, against finite differences and PyTorch's."""

from typing import cast

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from espalier.models.convolution import Convolution

CASES = [(1, 1, 3, 5), (2, 1, 4, 6), (1, 0, 1, 4), (2, 1, 3, 6), (2, 1, 3, 5), (2, 2, 5, 7)]
"""Stride, padding, kernel and image size; in the fourth and the last, the convolution leaves out a row of the image."""


def _given(kernel: int, size: int) -> tuple[Tensor, Tensor]:
    x = torch.randn(2, 3, size, size, dtype=torch.float64, requires_grad=True)
    return x, torch.randn(4, 3, kernel, kernel, dtype=torch.float64, requires_grad=True)


def _ours(x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    return cast(Tensor, Convolution.apply(x, weight, stride, padding))


@pytest.mark.parametrize(("stride", "padding", "kernel", "size"), CASES)
def test_both_derivatives_are_those_of_finite_differences(stride: int, padding: int, kernel: int, size: int) -> None:
    given = _given(kernel, size)
    assert torch.autograd.gradcheck(lambda x, w: _ours(x, w, stride, padding), given)
    assert torch.autograd.gradgradcheck(lambda x, w: _ours(x, w, stride, padding), given)


@pytest.mark.parametrize(("stride", "padding", "kernel", "size"), CASES)
def test_a_gradient_penalty_has_the_gradient_that_pytorch_gives(
    stride: int, padding: int, kernel: int, size: int
) -> None:
    x, weight = _given(kernel, size)
    found = []
    for convolve in (_ours, lambda x, w, s, p: F.conv2d(x, w, None, s, p)):
        hidden = F.leaky_relu(convolve(x, weight, stride, padding), 0.2)
        (slope,) = torch.autograd.grad(hidden.square().sum(), x, create_graph=True)
        found.append(torch.autograd.grad((slope.flatten(1).norm(dim=1) - 1).square().mean(), [x, weight]))
    torch.testing.assert_close(found[0], found[1])
