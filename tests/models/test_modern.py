"""R3GAN's and StyleGAN2's networks against their papers: sizes, initial values, filters, modulation."""

import math
from typing import Any

import numpy as np
import pytest
import scipy.signal
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from espalier.models import r3gan, stylegan2
from espalier.models.progan import width
from espalier.models.resampling import blurred, down_filtered, up_filtered
from espalier.stages.networks.r3gan import R3gan
from espalier.stages.networks.stylegan2 import Stylegan2


def filter_of() -> Tensor:
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(taps, taps) / 64


def test_the_filters_are_those_of_zero_insertion_and_convolution() -> None:
    x = torch.randn(2, 3, 8, 8)
    sparse = torch.zeros(2, 3, 16, 16)
    sparse[:, :, ::2, ::2] = x
    up, down, blur = up_filtered(x), down_filtered(x), blurred(x, 2, gain=4.0)
    for n in range(2):
        for c in range(3):
            full = scipy.signal.convolve2d(sparse[n, c], filter_of() * 4)  # 19 x 19, its first row before the image
            np.testing.assert_allclose(up[n, c], full[1:17, 1:17], atol=1e-5)
            padded = np.pad(x[n, c], 1)
            np.testing.assert_allclose(
                down[n, c], scipy.signal.correlate2d(padded, filter_of(), "valid")[::2, ::2], atol=1e-5
            )
            wide = scipy.signal.correlate2d(np.pad(x[n, c], 2), filter_of() * 4, "valid")
            np.testing.assert_allclose(blur[n, c], wide, atol=1e-5)


# R3GAN.

PRESETS: dict[str, tuple[int, dict[str, Any]]] = {
    "CIFAR-10": (32, {}),
    "FFHQ-64": (64, {}),
    "FFHQ-256": (256, {}),
    "ImageNet-64": (64, {"base": 49152, "largest": 1536, "group_size": 32}),
}


def counted(resolution: int, player: str, options: R3gan) -> int:
    """The parameters by hand: a block has w E + 9 E^2 / groups + E w weights and 2 E biases, with E = 2 w."""
    sizes = [2**k for k in range(2, resolution.bit_length())]
    maps = [width(r, options.base, options.largest) for r in sizes]
    total = 0
    for w in maps:
        inside = 2 * w
        total += options.blocks * (2 * w * inside + 9 * inside * inside // (inside // options.group_size) + 2 * inside)
    total += sum(a * b for a, b in zip(maps, maps[1:], strict=False) if a != b)  # transitions
    total += 3 * maps[-1]  # from or to RGB
    return total + (options.latent * maps[0] + 16 * maps[0] if player == "generator" else 16 * maps[0] + maps[0])


@pytest.mark.parametrize("name", PRESETS)
def test_r3gans_presets_have_the_parameters_counted_by_hand(name: str) -> None:
    resolution, given = PRESETS[name]
    options = R3gan(**given)
    arguments = options.arguments(resolution, 3)
    with torch.device("meta"):
        for player, network in (("generator", r3gan.Generator), ("discriminator", r3gan.Discriminator)):
            made: nn.Module = network(**arguments[player])
            assert sum(p.numel() for p in made.parameters()) == counted(resolution, player, options)
    widths = [width(r, options.base, options.largest) for r in (4, 8, 16, 32, 64, 128, 256)]
    if name == "FFHQ-256":
        assert widths == [768, 768, 768, 768, 384, 192, 96]
        assert [r3gan.cardinality(w, 16) for w in widths] == [96, 96, 96, 96, 48, 24, 12]
    if name == "ImageNet-64":
        assert widths[:5] == [1536] * 5 and r3gan.cardinality(1536, 32) == 96


def test_r3gans_blocks_begin_as_the_identity_with_fix_ups_variances() -> None:
    torch.manual_seed(0)
    made = r3gan.Discriminator(resolution=16, channels=3, base=4096, largest=128, blocks=2, group_size=16)
    block = made.blocks["16"][0]  # type: ignore[index]
    x = torch.randn(2, 128, 16, 16)
    assert torch.equal(block(x), x)
    gain = math.sqrt(2 / 1.04) * 6 ** (-1 / 4)  # six blocks
    assert float(block.expand.weight.std()) == pytest.approx(gain / math.sqrt(128), rel=0.02)
    assert float(block.mix.weight.std()) == pytest.approx(gain / math.sqrt(16 * 9), rel=0.02)
    assert block.mix.weight.shape == (256, 16, 3, 3)
    assert float(made.basis.weight.std()) == pytest.approx(1 / 4, rel=0.05)
    assert not any(name.endswith("bias") for name, _ in made.named_parameters() if "after" not in name)


def test_a_block_is_the_formula() -> None:
    block = r3gan.Block(4, 4, 3)
    for parameter in block.parameters():
        nn.init.normal_(parameter)
    x = torch.randn(2, 4, 5, 5)
    y = F.leaky_relu(
        torch.einsum("oi,bihw->bohw", block.expand.weight[:, :, 0, 0], x) + block.after_expand.bias[:, None, None], 0.2
    )
    halves = [
        F.conv2d(part, weight, padding=1) for part, weight in zip(y.chunk(2, 1), block.mix.weight.chunk(2), strict=True)
    ]
    y = F.leaky_relu(torch.cat(halves, 1) + block.after_mix.bias[:, None, None], 0.2)
    expected = x + torch.einsum("oi,bihw->bohw", block.reduce.weight[:, :, 0, 0], y)
    torch.testing.assert_close(block(x), expected, rtol=1e-4, atol=1e-4)


# StyleGAN2.


@pytest.mark.parametrize(("up", "rgb"), [(False, False), (True, False), (False, True)])
def test_modulation_of_activations_is_that_of_weights(up: bool, rgb: bool) -> None:
    """Against a convolution with weights of each sample's own, as in the paper's equations 1 and 3."""
    torch.manual_seed(1)
    layer = stylegan2.Modulated(6, 4, 1 if rgb else 3, 5, up, rgb)
    nn.init.normal_(layer.bias)
    x, w = torch.randn(3, 6, 8, 8), torch.randn(3, 5)
    style = F.linear(w, layer.style.weight / math.sqrt(5), layer.style.bias)
    found = layer(x, w)
    for n in range(3):
        if rgb:
            expected = F.conv2d(x[n : n + 1], layer.weight * style[n][None, :, None, None] / math.sqrt(6), layer.bias)
        else:
            own = layer.weight * style[n][None, :, None, None]
            own = own * (own.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).rsqrt()
            if up:
                wide = F.conv_transpose2d(x[n : n + 1], own.transpose(0, 1), stride=2)
                expected = F.conv2d(F.pad(wide, [1] * 4), (filter_of() * 4).expand(4, 1, 4, 4), groups=4)
            else:
                expected = F.conv2d(x[n : n + 1], own, padding=1)
        torch.testing.assert_close(found[n : n + 1], expected, rtol=1e-4, atol=1e-4)
    assert found.shape == (3, 4, 16 if up else 8, 16 if up else 8)


def test_stylegan2_has_the_released_parameters() -> None:
    """As the release's training prints them for its `paper256`, and counted by hand for `auto`."""
    options = Stylegan2(latent=512, base=8192)
    arguments = options.arguments(256, 3)
    sizes = [4, 8, 16, 32, 64, 128, 256]
    maps = {r: width(r, 8192, 512) for r in sizes}
    assert list(maps.values()) == [512, 512, 512, 512, 256, 128, 64]
    affine = {r: 512 * maps[r] + maps[r] for r in sizes}
    generator = 2 * (512 * 512 + 512) + 512 * 16
    discriminator = 3 * maps[256] + maps[256]
    for r in sizes:
        below = maps.get(r // 2, 0)
        if r > 4:
            generator += affine[r // 2] + 9 * below * maps[r] + maps[r] + 1
            discriminator += 9 * maps[r] ** 2 + maps[r] + 9 * maps[r] * below + below + maps[r] * below
        generator += affine[r] + 9 * maps[r] ** 2 + maps[r] + 1
        generator += affine[r] + 3 * maps[r] + 3
    discriminator += 9 * (512 + 1) * 512 + 512 + 16 * 512 * 512 + 512 + 512 + 1
    from espalier.stages.tricks.minibatch_stddev import StddevMap

    with torch.device("meta"):
        made = stylegan2.Generator(**arguments["generator"])
        judge = stylegan2.Discriminator(**arguments["discriminator"], statistics=StddevMap(4))
        assert sum(p.numel() for p in made.parameters()) == generator
        assert sum(p.numel() for p in judge.parameters()) == discriminator == 24_001_089
        paper = stylegan2.Generator(**{**arguments["generator"], "mapping_layers": 8})
        assert sum(p.numel() for p in paper.parameters()) == 24_767_458


def small(**more: Any) -> stylegan2.Generator:
    torch.manual_seed(2)
    return stylegan2.Generator(**Stylegan2(latent=8, base=64, largest=8, style=6, **more).arguments(16, 3)["generator"])


def test_truncation_moves_styles_to_their_mean() -> None:
    made = small(mixing=0)
    z = torch.randn(64, 8)
    for _ in range(3):
        made(z)
    average = torch.zeros(6)
    for _ in range(3):
        average = 0.995 * average + 0.005 * made.mapping(z).mean(0)
    torch.testing.assert_close(made.mapping.average, average)
    made.eval()
    whole = made.styled(z)
    made.truncation = 0.5
    torch.testing.assert_close(made.styled(z), (whole + average) / 2)
    made.truncation = 0.0
    assert float(made(z).std(dim=0).max()) < 1e-5, "all images are the mean's"


def test_samples_repeat_and_training_draws_noise_and_mixes() -> None:
    made = small(mixing=1.0)
    for name, parameter in made.named_parameters():
        if name.endswith("strength"):
            nn.init.ones_(parameter)
    z = torch.randn(4, 8)
    styles = made.styled(z)
    apart = (styles - styles[:, :1]).abs().amax(dim=(0, 2)) > 1e-4
    first = int(apart.int().argmax())
    assert 1 <= first <= made.styles and apart[first:].all() and not apart[:first].any()
    assert not torch.equal(made(z), made(z))
    made.eval()
    assert torch.equal(made(z), made(z)) and torch.equal(made(z)[:2], made(z[:2]))


def test_path_length_of_a_linear_generator() -> None:
    """The Jacobian of images A w is A, whose length along noise y is || A^T y ||."""
    from types import SimpleNamespace

    from espalier.stages.tricks.path_length import PathLength
    from tests.stages.test_tricks import context

    weights = torch.randn(3 * 4 * 4, 3, 6)

    def synthesis(styles: Tensor) -> Tensor:
        return torch.einsum("ilk,blk->bi", weights, styles).view(-1, 3, 4, 4)

    generator = SimpleNamespace(
        latent=6, styled=lambda z, c: z[:, None].expand(-1, 3, -1).clone().requires_grad_(), synthesis=synthesis
    )
    now = context(batch=8)
    step: Any = SimpleNamespace(
        networks=SimpleNamespace(generator=generator), context=now, players=SimpleNamespace(condition=None)
    )
    trick = PathLength()
    noise = now.normal((4, 3, 4, 4), "path_length", "noise") / 4
    lengths = torch.einsum("ilk,bi->blk", weights, noise.flatten(1)).square().sum(2).mean(1).sqrt()
    average = 0.01 * lengths.mean()
    torch.testing.assert_close(trick.generator_term(step), (lengths - average).square().mean(), rtol=1e-4, atol=1e-5)
    average = 0.99 * average + 0.01 * lengths.mean()
    torch.testing.assert_close(trick.generator_term(step), (lengths - average).square().mean(), rtol=1e-4, atol=1e-5)
