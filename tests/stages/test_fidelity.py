"""Metrics of fakes against other libraries on the same features and images, and against closed forms."""

import math

import pytest
import torch
from prdc import compute_prdc
from torch import Tensor
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

from espalier.stages.contracts.metric import Comparison, Samples
from espalier.stages.features.local import Features
from espalier.stages.metrics.birthday import same_distance, support
from espalier.stages.metrics.frechet import frechet, moments
from espalier.stages.metrics.inception_score import inception_score
from espalier.stages.metrics.kernel import Kid, kernel_distance, squared_mmd
from espalier.stages.metrics.manifold import manifold
from espalier.stages.metrics.ms_ssim import ms_ssim
from espalier.stages.metrics.sliced_wasserstein import Swd, pyramid, sliced_wasserstein


@pytest.fixture
def features() -> tuple[Tensor, Tensor]:
    """Reals (500, 24) and fakes (500, 24) of another mean and spread."""
    random = torch.Generator().manual_seed(0)
    mix = torch.randn((24, 24), generator=random)
    real = torch.randn((500, 24), generator=random) @ mix
    return real, torch.randn((500, 24), generator=random) @ mix * 0.8 + 0.5


def images(count: int, side: int, seed: int) -> Tensor:
    """Smooth random colours, uint8 (count, 3, side, side)."""
    random = torch.Generator().manual_seed(seed)
    rough = torch.rand((count, 3, side // 4, side // 4), generator=random) * 255
    return torch.nn.functional.interpolate(rough, size=side, mode="bilinear").to(torch.uint8)


def test_frechet_is_torch_fidelitys_and_that_of_gaussians(features: tuple[Tensor, Tensor]) -> None:
    theirs = fid_statistics_to_metric(*(fid_features_to_statistics(f) for f in features), verbose=False)
    ours = frechet(*(moments(f) for f in features))
    assert ours == pytest.approx(theirs["frechet_inception_distance"], rel=1e-6)
    assert frechet(moments(features[0]), moments(features[0])) == pytest.approx(0, abs=1e-6)
    random = torch.Generator().manual_seed(1)
    one = torch.randn((200_000, 1), generator=random)
    assert frechet(moments(one), moments(3 * one + 2)) == pytest.approx(4 + (3 - 1) ** 2, rel=0.03)


def test_kernel_distance_is_torch_fidelitys(features: tuple[Tensor, Tensor]) -> None:
    theirs = kid_features_to_metric(*features, kid_subsets=1, kid_subset_size=500, verbose=False)
    mean, spread = kernel_distance(*features)
    assert mean == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-6) and spread == 0
    theirs = kid_features_to_metric(*features, kid_subsets=300, kid_subset_size=100, verbose=False)
    mean, spread = kernel_distance(*features, subsets=300, size=100)
    assert mean == pytest.approx(theirs["kernel_inception_distance_mean"], rel=0.1)
    assert spread == pytest.approx(theirs["kernel_inception_distance_std"], rel=0.25)
    assert kernel_distance(*features, subsets=5, size=100) == kernel_distance(*features, subsets=5, size=100)


def test_kernel_distance_is_unbiased() -> None:
    random = torch.Generator().manual_seed(2)
    found = [squared_mmd(*torch.randn((2, 20, 4), generator=random, dtype=torch.float64)) for _ in range(2000)]
    values = torch.tensor(found)
    assert abs(values.mean()) < 3 * values.std() / math.sqrt(len(values))
    assert (values < 0).any()


def test_inception_score_is_torch_fidelitys() -> None:
    for count in (1000, 64):  # which ten do and do not divide
        logits = 3 * torch.randn((count, 10), generator=torch.Generator().manual_seed(3))
        theirs = isc_features_to_metric(logits, splits=10, shuffle=False)
        mean, spread = inception_score(logits.softmax(dim=1))
        assert mean == pytest.approx(theirs["inception_score_mean"], rel=1e-6)
        assert spread == pytest.approx(theirs["inception_score_std"], rel=1e-6)
    assert inception_score(torch.eye(10).repeat(10, 1))[0] == pytest.approx(10)


def test_manifold_is_prdcs_and_torch_fidelitys(features: tuple[Tensor, Tensor]) -> None:
    ours = manifold(*features)
    theirs = prc_features_to_metric(*reversed(features), prc_neighborhood=3, prc_batch_size=100, verbose=False)
    assert ours.precision == pytest.approx(theirs["precision"]) and ours.recall == pytest.approx(theirs["recall"])
    prdc = compute_prdc(*(f.double().numpy() for f in features), nearest_k=5)
    assert ours.density == pytest.approx(prdc["density"]) and ours.coverage == pytest.approx(prdc["coverage"])
    assert 0.1 < ours.recall < ours.precision < 1


def test_ms_ssim_is_torchmetrics() -> None:
    """But for how its window meets the border."""
    random = torch.Generator().manual_seed(4)
    one = torch.randint(0, 256, (4, 3, 192, 192), generator=random)
    other = (one + torch.randint(-60, 60, one.shape, generator=random)).clamp(0, 255)
    theirs = multiscale_structural_similarity_index_measure(one.double(), other.double(), data_range=255.0)
    pairs = torch.stack([one, other], dim=1).flatten(0, 1).to(torch.uint8)
    assert ms_ssim(pairs) == pytest.approx(float(theirs), rel=1e-3)
    assert ms_ssim(pairs[:1].repeat(4, 1, 1, 1)) == pytest.approx(1)


def test_ms_ssim_of_small_images_is_the_released_codes() -> None:
    noise = torch.randint(0, 256, (8, 3, 32, 32), generator=torch.Generator().manual_seed(5), dtype=torch.uint8)
    assert ms_ssim(noise // 4 + 64) == pytest.approx(MS_SSIM_OF_NOISE, rel=1e-4)


def test_sliced_wasserstein_is_the_released_codes() -> None:
    one, other = images(128, 64, 6), images(128, 64, 7)
    rough = (other.int() + torch.randint(-20, 21, other.shape, generator=torch.Generator().manual_seed(8))).clamp(
        0, 255
    )
    ours = sliced_wasserstein(one, rough.to(torch.uint8))
    assert list(ours) == [64, 32, 16]
    for side, value in SWD.items():
        assert ours[side] == pytest.approx(value, rel=0.08)  # the released code's own spread over seeds
    few, others = one[:8, :, ::4, ::4], rough.to(torch.uint8)[:8, :, ::4, ::4]
    assert sliced_wasserstein(few, others) == sliced_wasserstein(few, others)
    assert sliced_wasserstein(few, few, seed=1)[16] < sliced_wasserstein(few, others, seed=1)[16] / 1.5


def test_the_pyramid_adds_up_again() -> None:
    fine, small = pyramid(images(1, 32, 9).float())
    spread = torch.zeros((1, 3, 32, 32))
    spread[:, :, ::2, ::2] = small
    kernel = torch.tensor([1.0, 4, 6, 4, 1]) / 8
    kernel = torch.outer(kernel, kernel).expand(3, 1, 5, 5)
    up = torch.nn.functional.conv2d(torch.nn.functional.pad(spread, (2, 2, 2, 2), mode="reflect"), kernel, groups=3)
    torch.testing.assert_close(fine + up, images(1, 32, 9).float(), atol=1e-3, rtol=0)


def test_the_birthday_paradox_counts_a_known_support() -> None:
    random = torch.Generator().manual_seed(10)
    real = torch.randn((2000, 16), generator=random)
    same = same_distance(real)
    few = torch.randn((500, 16), generator=random)[torch.randint(500, (1000,), generator=random)]
    assert support(few, same)[0] == pytest.approx(500, rel=0.15)
    assert support(real[:1000], same)[0] > 100_000


MS_SSIM_OF_NOISE = 0.472178
"""Of ProGAN's released `metrics/ms_ssim.py` on these images."""
SWD = {64: 39.3, 32: 15.3, 16: 25.7}
"""Of ProGAN's released `metrics/sliced_wasserstein.py` on these images, one minibatch, mean of 3 seeds."""


def test_the_deviation_is_never_that_of_one_subset() -> None:
    random = torch.Generator().manual_seed(0)
    real, fake = (torch.randn(40, 5, generator=random) for _ in range(2))
    images = torch.zeros(40, 1, 16, 16)
    comparison = Comparison(Samples(images, real), Features.named, 0.0, 0, lambda f: None, None)
    found = Kid().measure(Samples(images, fake), comparison)
    assert found["kid_local"] == pytest.approx(kernel_distance(real, fake)[0]) and found["kid_local_std"] > 0
    many = torch.randn(1200, 5, generator=random)
    comparison = Comparison(Samples(images, many), Features.named, 0.0, 0, lambda f: None, None)
    assert Kid().measure(Samples(images, many + 0.1), comparison)["kid_local_std"] > 0


@pytest.mark.long
def test_patches_are_of_all_images() -> None:
    """Beyond the first thousand, too."""
    random = torch.Generator().manual_seed(0)
    fakes, reals = (torch.randint(0, 256, (1100, 1, 16, 16), generator=random, dtype=torch.uint8) for _ in range(2))
    features = torch.zeros(1100, 1)
    comparison = Comparison(Samples(reals, features), "", 0.0, 0, lambda f: None, None)
    before = Swd().measure(Samples(fakes, features), comparison)
    fakes[1050:] = 128
    assert Swd().measure(Samples(fakes, features), comparison)["swd"] > 1.1 * before["swd"]
