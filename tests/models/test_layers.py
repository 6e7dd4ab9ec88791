"""ProGAN's layers against their definitions."""

import math

import pytest
import torch
from torch import Tensor

from espalier.models import layers
from espalier.models.layers import DownConv2d, EqualizedConv2d, EqualizedLinear, UpConv2d, double, halve, pixel_norm


@pytest.fixture
def image() -> Tensor:
    return torch.randn(2, 5, 16, 16, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("form", ["fused", "plain"])
def test_up_and_down_convolutions_are_resize_and_convolve(
    image: Tensor, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, "FUSED_FROM", 4 if form == "fused" else 1000)
    up, down = UpConv2d(5, 7).double(), DownConv2d(5, 7).double()
    for layer in (up, down):
        torch.nn.init.normal_(layer.bias)
    convolve = torch.nn.functional.conv2d
    expected_up = convolve(double(image), up.weight * math.sqrt(2 / 45), up.bias, padding=1)
    expected_down = halve(convolve(image, down.weight * math.sqrt(2 / 45), padding=1)) + down.bias[:, None, None]
    for found, expected, layer in ((up(image), expected_up, up), (down(image), expected_down, down)):
        torch.testing.assert_close(found, expected)
        wanted = (image, layer.weight, layer.bias)
        ours = torch.autograd.grad(found.square().sum(), wanted)
        theirs = torch.autograd.grad(expected.square().sum(), wanted)
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a, b)


def test_pixel_norm_has_unit_mean_square_and_the_derivative_of_its_formula() -> None:
    x = torch.randn(3, 6, 4, 4, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(pixel_norm(x).square().mean(1), torch.ones(3, 4, 4, dtype=torch.float64))
    torch.testing.assert_close(pixel_norm(x), x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt())
    assert torch.autograd.gradcheck(pixel_norm, (x,))


def test_equalised_layers_give_outputs_of_the_gain_whatever_their_width() -> None:
    torch.manual_seed(0)
    for width in (16, 256):
        dense = EqualizedLinear(width, 4096)(torch.randn(64, width))
        convolved = EqualizedConv2d(width, 64, 3)(torch.randn(8, width, 16, 16))[..., 1:-1, 1:-1]
        assert dense.std().item() == pytest.approx(math.sqrt(2), rel=0.1)
        assert convolved.std().item() == pytest.approx(math.sqrt(2), rel=0.1)


def test_the_weight_is_scaled_and_the_bias_is_not() -> None:
    layer = EqualizedLinear(50, 1, gain=1.0)
    torch.nn.init.ones_(layer.weight)
    torch.nn.init.ones_(layer.bias)
    assert layer(torch.ones(1, 50)).item() == pytest.approx(50 / math.sqrt(50) + 1, rel=1e-5)
