"""DCGAN, the residual networks and the dense ones: shapes, and sizes computed by hand from the papers' tables."""

import pytest
import torch
from torch import Tensor, nn

from benchmarks.games import Dirac, Saddle
from espalier.models import dcgan, mlp, resnet
from espalier.models.norms import NORMS, ConditionalBatchNorm
from espalier.models.resizing import Up, UpConvolution
from espalier.stages.networks.dcgan import Dcgan
from espalier.stages.networks.known import NETWORKS
from espalier.stages.networks.mlp import Mlp
from espalier.stages.networks.resnet import Resnet


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("resolution", [8, 16, 32])
@pytest.mark.parametrize("cls", [Dcgan, Resnet])
def test_images_and_logits_have_their_shapes(cls: type[Dcgan | Resnet], resolution: int) -> None:
    network = cls(generator_width=4, discriminator_width=4)
    arguments = network.arguments(resolution, 3)
    generator = network.generator_class(**arguments["generator"])
    discriminator = network.discriminator_class(**arguments["discriminator"])
    images = generator(torch.randn(4, network.latent))
    assert images.shape == (4, 3, resolution, resolution) and images.abs().max() <= 1
    features: list[Tensor] = []
    assert discriminator(images, features).shape == (4,)
    assert len(features) == network.feature_count(resolution)


def test_sngans_cifar_networks_have_the_papers_sizes() -> None:
    """Miyato et al., tables 3 and 4: 128-d latent, 256 maps up from 4x4; 128 maps, two halvings, two plain blocks."""
    arguments = Resnet().arguments(32, 3)
    dense, to_picture, last = 128 * 4096 + 4096, 256 * 3 * 9 + 3, 2 * 256
    block = 2 * (256 * 256 * 9 + 256) + (256 * 256 + 256) + 2 * 2 * 256
    assert count(resnet.Generator(**arguments["generator"])) == dense + 3 * block + last + to_picture
    first = (3 * 128 * 9 + 128) + (128 * 128 * 9 + 128) + (3 * 128 + 128)
    plain = 2 * (128 * 128 * 9 + 128)
    halving = plain + 128 * 128 + 128
    assert count(resnet.Discriminator(**arguments["discriminator"])) == first + halving + 2 * plain + 128 + 1


def test_the_stacked_mnist_networks_have_the_released_sizes() -> None:
    """PacGAN's unrolled experiment, D = 1/4, on 32x32 instead of 28x28: 64-32-16-8 maps up, 2-4-8 down, 3x3 kernels."""
    network = Dcgan(latent=256, generator_width=8, discriminator_width=2, kernel=3, norm_first_layer=True)
    arguments = network.arguments(32, 3)
    ups = sum(a * b * 9 + b + 2 * b for a, b in ((64, 32), (32, 16), (16, 8)))
    generator = 256 * 1024 + 1024 + 2 * 64 + ups + 8 * 3 * 9 + 3
    assert count(dcgan.Generator(**arguments["generator"])) == generator
    downs = sum(a * b * 9 + b + 2 * b for a, b in ((3, 2), (2, 4), (4, 8)))
    assert count(dcgan.Discriminator(**arguments["discriminator"])) == downs + 8 * 16 + 1


def test_pacgans_dense_networks_have_the_released_sizes() -> None:
    """Generator 2-400-400-400-400-2; discriminator 3 maxout layers of 200 x 5; packing widens its input alone."""
    arguments = Mlp(maxout=5).arguments(0, 2)
    generator = (2 * 400 + 400) + 3 * (400 * 400 + 400) + 400 * 2 + 2
    assert count(mlp.Generator(**arguments["generator"])) == generator
    rest = 2 * (200 * 1000 + 1000) + 201
    assert count(mlp.Discriminator(**arguments["discriminator"])) == (2 * 1000 + 1000) + rest
    packed = {**arguments["discriminator"], "channels": 6}
    assert count(mlp.Discriminator(**packed)) == (6 * 1000 + 1000) + rest


@pytest.mark.parametrize("kernel", [3, 4, 5])
@pytest.mark.parametrize("up", ["nearest", "pixelshuffle", "transposed"])
def test_every_way_up_doubles(up: Up, kernel: int) -> None:
    assert UpConvolution(3, 5, kernel, up)(torch.randn(2, 3, 4, 4)).shape == (2, 5, 8, 8)


def test_maxout_is_the_largest_piece() -> None:
    layer = mlp.Maxout(3, 4, 5)
    x = torch.randn(7, 3)
    pieces = layer.linear(x)
    for unit in range(4):
        torch.testing.assert_close(layer(x)[:, unit], pieces[:, 5 * unit : 5 * unit + 5].max(1).values)


@pytest.mark.parametrize("shape", [(16, 6), (16, 6, 4, 4)])
def test_norms_normalise_over_what_their_papers_say(shape: tuple[int, ...]) -> None:
    x = 3 + 2 * torch.randn(shape)
    over = {"batch": (0, *range(2, x.ndim)), "layer": tuple(range(1, x.ndim)), "instance": tuple(range(2, x.ndim))}
    for name, axes in over.items():
        if not axes or (name == "instance" and x.ndim == 2):
            continue
        y = NORMS[name](6)(x)  # type: ignore[index]
        torch.testing.assert_close(y.mean(axes), torch.zeros_like(y.mean(axes)), atol=1e-5, rtol=0)
        torch.testing.assert_close(y.square().mean(axes), torch.ones_like(y.mean(axes)), atol=1e-3, rtol=0)
    torch.testing.assert_close(NORMS["pixel"](6)(x).square().mean(1), torch.ones_like(x[:, 0]), atol=1e-4, rtol=0)


def test_conditional_batch_norm_has_a_scale_and_shift_for_each_class() -> None:
    norm = ConditionalBatchNorm(3, classes=2)
    x, labels = torch.randn(8, 3, 4, 4), torch.tensor([0, 1] * 4)
    plain = nn.BatchNorm2d(3)(x)
    torch.testing.assert_close(norm(x, labels), plain)
    with torch.no_grad():
        norm.scale.weight[1], norm.shift.weight[1] = 2.0, 5.0
    torch.testing.assert_close(norm(x, labels)[0::2], plain[0::2])
    torch.testing.assert_close(norm(x, labels)[1::2], 2 * plain[1::2] + 5)
    sampling = norm.eval()
    torch.testing.assert_close(sampling(x[:1], labels[:1]), sampling(x, labels)[:1])


def test_every_network_can_be_built_with_its_defaults_but_for_width() -> None:
    assert set(NETWORKS) == {
        "progan",
        "dcgan",
        "resnet",
        "r3gan",
        "stylegan2",
        "projected",
        "mlp",
        "fashion_shape",
        "fashion_image",
    }
    for game in (Dirac(name="x"), Saddle(name="x")):
        point = game.generator_class()(torch.randn(3, 1))
        assert point.shape == (3, 1) and game.discriminator_class()(point).shape == (3,)
