"""FashionGAN's networks against the released tables: layer by layer counts computed by hand, shapes, colours, composition."""

import pytest
import torch
from torch import nn

from espalier.models.fashiongan import image as fashion_image
from espalier.models.fashiongan import shape as fashion_shape
from espalier.models.fashiongan.condition import CLASSES, SentenceAndMap
from espalier.models.fashiongan.layers import COLOURS, Colours
from espalier.models.hidden import HiddenPlan
from espalier.models.norms import NORMS

G, D = HiddenPlan("relu", NORMS["batch"]), HiddenPlan("leaky_relu", NORMS["batch"])


def layer(inputs: int, outputs: int, kernel: int, normed: bool = True) -> int:
    """Parameters of a convolution without bias, and of its batch norm."""
    return inputs * outputs * kernel**2 + (2 * outputs if normed else 0)


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def image_generator(resolution: int, width: int, body: fashion_image.Body, compose: bool = False) -> nn.Module:
    view: fashion_image.View = "classes" if compose else "colours"
    return fashion_image.Generator(resolution, 3, 80, width, 100, 20, body, view, compose, 0.5, G)


def image_discriminator(resolution: int, width: int, logits: fashion_image.Logits) -> nn.Module:
    return fashion_image.Discriminator(resolution, 3, width, 100, 20, logits, "colours", D)


def condition(resolution: int, batch: int = 2) -> SentenceAndMap:
    classes = torch.arange(resolution**2).view(resolution, resolution) % CLASSES
    one_hot = torch.eye(CLASSES)[classes].permute(2, 0, 1).expand(batch, -1, -1, -1)
    return SentenceAndMap(torch.randn(batch, 100), one_hot)


def test_the_first_stages_networks_have_the_released_layers() -> None:
    generator = fashion_shape.Generator(128, 80, 64, 100, 20, G)
    assert count(generator) == sum(
        [
            layer(100, 20, 1, False), layer(100, 1024, 4), layer(1024, 512, 4), layer(4, 64, 3), layer(64, 128, 3),
            layer(640, 256, 4), layer(256, 512, 3), layer(512, 512, 3), layer(512, 256, 3), layer(256, 128, 4),
            layer(128, 64, 4), layer(64, 7, 4, False),
        ]
    )  # fmt: skip
    discriminator = fashion_shape.Discriminator(128, 64, 100, 20, D)
    assert count(discriminator) == sum(
        [
            layer(7, 64, 4, False), layer(64, 128, 4), layer(128, 256, 4), layer(256, 512, 3), layer(512, 512, 3),
            layer(512, 256, 3), layer(256, 512, 4), layer(4, 64, 3, False), layer(64, 128, 3), layer(640, 512, 4),
            layer(100, 20, 1), layer(532, 512, 1), layer(512, 1, 4, False),
        ]
    )  # fmt: skip


def test_the_second_stages_networks_have_the_released_layers() -> None:
    assert count(image_generator(128, 64, "encoder")) == sum(
        [
            layer(100, 20, 1, False), layer(100, 1024, 4), layer(1024, 512, 4), layer(512, 512, 4), layer(3, 64, 4),
            layer(64, 128, 4), layer(128, 256, 4), layer(768, 512, 4), 3 * layer(512, 512, 3), layer(512, 256, 3),
            layer(256, 128, 3), layer(128, 64, 4), layer(64, 3, 4, False),
        ]
    )  # fmt: skip
    assert count(image_generator(128, 64, "unet")) == sum(
        [
            layer(3, 64, 4, False), layer(64, 128, 4), layer(128, 256, 4), layer(256, 512, 4), 2 * layer(512, 512, 4),
            layer(512, 512, 4, False), layer(100, 20, 1, False), layer(612, 512, 4), 2 * layer(1024, 512, 4),
            layer(1024, 256, 4), layer(512, 128, 4), layer(256, 64, 4), layer(128, 3, 4, False),
        ]
    )  # fmt: skip
    apart = layer(3, 64, 4, False) + layer(64, 128, 4) + layer(128, 256, 4)
    assert count(image_discriminator(128, 64, "whole")) == 2 * apart + sum(
        [
            5 * layer(512, 512, 3), layer(512, 512, 4), layer(512, 1024, 4), layer(100, 20, 1), layer(1044, 1024, 1),
            layer(1024, 1, 4, False),
        ]
    )  # fmt: skip
    assert count(image_discriminator(128, 64, "patch")) == sum(
        [
            layer(6, 64, 4, False),
            layer(64, 128, 4),
            layer(128, 256, 4),
            layer(100, 20, 1),
            layer(276, 512, 4),
            layer(512, 1, 4, False),
        ]
    )


@pytest.mark.parametrize("resolution", [32, 64, 128])
def test_shapes_at_every_size(resolution: int) -> None:
    z, whole = torch.randn(2, 80), condition(resolution)
    coarse = SentenceAndMap(whole.code, torch.rand(2, 4, 8, 8))
    maps = fashion_shape.Generator(resolution, 80, 2, 100, 20, G)(z, coarse)
    assert maps.shape == (2, 7, resolution, resolution)
    assert fashion_shape.Discriminator(resolution, 2, 100, 20, D)(maps, None, coarse).shape == (2,)
    for body in ("unet", "encoder"):
        images = image_generator(resolution, 2, body, compose=True)(z, whole)
        assert images.shape == (2, 3, resolution, resolution)
        assert images.abs().max() <= 1
    side = resolution // 8 - 2
    assert image_discriminator(resolution, 2, "patch")(images, None, whole).shape == (2 * side**2,)
    assert image_discriminator(resolution, 2, "whole")(images, None, whole).shape == (2,)


def test_a_composed_image_takes_each_place_from_its_class() -> None:
    maps = condition(32, batch=1).map
    images = torch.arange(CLASSES).float().view(1, CLASSES, 1, 1, 1).expand(1, CLASSES, 3, 32, 32).flatten(1, 2)
    found = fashion_image.composed(images, maps)
    assert torch.equal(found[0, 0], maps[0].argmax(dim=0).float())


def test_colours_are_the_released_ones_within_a_region_and_drift_at_the_border() -> None:
    for k, colour in enumerate(COLOURS):
        maps = torch.zeros(1, CLASSES, 16, 16)
        maps[:, k] = 1
        seen = Colours()(maps)[0]
        inside = torch.tensor(colour) + 0.5  # the kernel sums to 0.9997
        torch.testing.assert_close(seen[:, 8, 8], inside * 0.9997 - 0.5, atol=1e-5, rtol=0)
        assert (seen[:, 0, 0] < seen[:, 8, 8] - 0.01).all()
