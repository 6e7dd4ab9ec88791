"""ProGAN's networks: the paper's counts, its orders, its fade."""

import pytest
import torch

from espalier.models.layers import double, halve
from espalier.models.progan import Discriminator, Generator, width
from espalier.stages.tricks.minibatch_stddev import StddevMap


def test_full_size_has_the_papers_parameters() -> None:
    with torch.device("meta"):
        generator = Generator(1024, 3, 512, 8192, 512)
        discriminator = Discriminator(1024, 3, 8192, 512, statistics=StddevMap(4))
    assert sum(p.numel() for p in generator.parameters()) == 23_071_507
    assert sum(p.numel() for p in discriminator.parameters()) == 23_077_137


def test_cifar_size_has_the_theano_releases_parameters() -> None:
    with torch.device("meta"):
        generator = Generator(32, 3, 128, 4096, 128)
        discriminator = Discriminator(32, 3, 4096, 128, statistics=StddevMap(4))
    assert sum(p.numel() for p in generator.parameters()) == 1_295_747
    assert sum(p.numel() for p in discriminator.parameters()) == 1_297_153


def test_widths_are_table_2s() -> None:
    found = [width(2**k, 8192, 512) for k in range(2, 11)]
    assert found == [512, 512, 512, 512, 256, 128, 64, 32, 16]


@pytest.mark.parametrize("channels", [1, 3])
def test_shapes(channels: int) -> None:
    generator = Generator(16, channels, 7, 64, 8)
    images = generator(torch.randn(5, 7))
    assert images.shape == (5, channels, 16, 16)
    features: list[torch.Tensor] = []
    assert Discriminator(16, channels, 64, 8)(images, features).shape == (5,)
    assert [tuple(f.shape[1:]) for f in features] == [(8, 8, 8), (8, 4, 4), (8,)]


def test_the_latent_is_normalised_so_its_length_does_not_matter() -> None:
    generator, latent = Generator(8, 3, 7, 64, 8), torch.randn(2, 7)
    torch.testing.assert_close(generator(latent), generator(5 * latent), rtol=1e-4, atol=1e-5)


def test_fading_blends_the_old_path_with_the_new() -> None:
    torch.manual_seed(0)
    small, grown = Generator(8, 3, 7, 64, 8), Generator(16, 3, 7, 64, 8, fades=True)
    grown.load_state_dict(small.state_dict(), strict=False)
    latent = torch.randn(4, 7)
    new = grown(latent)
    grown.alpha = 0.0
    assert torch.equal(grown(latent), double(small(latent)))
    grown.alpha = 0.25
    torch.testing.assert_close(grown(latent), 0.75 * double(small(latent)) + 0.25 * new)


def test_a_grown_discriminator_at_alpha_0_is_the_old_one_on_the_halved_image() -> None:
    torch.manual_seed(0)
    small, grown = Discriminator(8, 3, 64, 8), Discriminator(16, 3, 64, 8, fades=True)
    grown.load_state_dict(small.state_dict(), strict=False)
    grown.alpha = 0.0
    images = torch.randn(4, 3, 16, 16)
    assert torch.equal(grown(images), small(halve(images)))


def test_the_two_orders_of_shrinking_are_two_functions_of_the_same_weights() -> None:
    torch.manual_seed(0)
    released, paper = Discriminator(8, 3, 64, 8), Discriminator(8, 3, 64, 8, down_order="activate_first")
    paper.load_state_dict(released.state_dict())
    images = torch.randn(4, 3, 8, 8)
    assert not torch.allclose(released(images), paper(images))
