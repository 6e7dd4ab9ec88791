"""Images in parts: what is measured of them is the same, and memory does not grow with their size."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from espalier.stages.contracts import in_parts
from espalier.stages.contracts.in_parts import Images, InParts, first, pooled
from espalier.stages.evaluation.class_reader import _seen
from espalier.stages.metrics.diversity import diversity
from espalier.stages.metrics.manifold import manifold, nearest
from espalier.stages.metrics.ms_ssim import ms_ssim
from espalier.stages.metrics.sliced_wasserstein import sliced_wasserstein
from espalier.stages.monitor.probe import Probe


def noise(count: int, side: int, seed: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, side, side), generator=random, dtype=torch.uint8)


def apart(images: Tensor) -> Images:
    return InParts(len(images), images.shape[1:], lambda start, end: images[start:end])


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_parts, "PART_BYTES", 3 * 3 * 128 * 128)  # three images


@pytest.mark.parametrize(
    "places", [slice(0, 0), slice(0, 10), slice(2, 7), slice(8, None), slice(-2, None), slice(1, 9, 3)]
)
def test_a_slice_is_that_of_the_whole(small_parts: None, places: slice) -> None:
    images = noise(10, 128, 0)
    found = apart(images)
    assert found.shape == images.shape and len(found) == 10
    assert torch.equal(found[places], images[places])
    assert torch.equal(first(found, 5)[1:99], images[1:5])


MEASURES: dict[str, Callable[[Images, Images], object]] = {
    "diversity": diversity,
    "ms_ssim": lambda fakes, reals: ms_ssim(fakes),
    "pooled": lambda fakes, reals: float(pooled(fakes, 16, torch.float64)[13].sum()),
    "class reader": lambda fakes, reals: float(_seen(fakes, torch.zeros(len(fakes), 2))[13].sum()),
    "probe": lambda fakes, reals: Probe(first(reals, 16), None, 0).see(first(fakes, 8)).quality,
}


@pytest.mark.parametrize("name", MEASURES)
def test_it_is_measured_as_the_whole_is(small_parts: None, name: str) -> None:
    fakes, reals = noise(17, 128, 1), noise(17, 128, 2) // 2
    assert MEASURES[name](apart(fakes), apart(reals)) == pytest.approx(MEASURES[name](fakes, reals), rel=1e-12)


def test_a_patch_distance_of_parts_is_a_patch_distance(small_parts: None) -> None:
    """Which patches are drawn depends on the parts; how far apart the images are does not."""
    coarse = noise(40, 16, 2).repeat_interleave(2, 2).repeat_interleave(2, 3)
    fakes, others = apart(noise(40, 32, 1)), apart(noise(40, 32, 3))
    assert 1.5 * sliced_wasserstein(fakes, others)[32] < sliced_wasserstein(fakes, apart(coarse))[32]


def test_the_reals_neighbours_may_be_known_already() -> None:
    real, fake = torch.randn(50, 4, generator=torch.Generator().manual_seed(0)), torch.randn(40, 4)
    known = nearest(real.double(), 5)
    brute = torch.cdist(real.double(), real.double()).sort(dim=1).values[:, 1:6]
    torch.testing.assert_close(known, brute)
    assert manifold(real, fake) == manifold(real, fake, known)


MEASURE = """
import resource, sys, torch
from espalier.stages.contracts import in_parts
from espalier.stages.contracts.in_parts import InParts
from espalier.stages.metrics.diversity import diversity
from espalier.stages.metrics.ms_ssim import ms_ssim
from espalier.stages.metrics.sliced_wasserstein import sliced_wasserstein
from espalier.stages.monitor.probe import Probe

def part(start, end):
    return torch.randint(0, 256, (end - start, 3, 512, 512), dtype=torch.uint8)

in_parts.PART_BYTES = 2 * 3 * 512 * 512
for count in (4, {count}):
    images = InParts(count, torch.Size((3, 512, 512)), part)
    {work}
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


SLOW = pytest.mark.long


@pytest.mark.parametrize(
    ("work", "count"),
    [
        ("diversity(images, images)", 44),
        ("Probe(images, None, 0)", 44),
        pytest.param("ms_ssim(images)", 44, marks=SLOW),
        # It keeps 128 patches of each level of each image: 0.45 MB.
        pytest.param("sliced_wasserstein(images, images)", 20, marks=SLOW),
    ],
)
def test_large_images_take_no_more_memory(work: str, count: int) -> None:
    """Another 40 images are 31 MB, and 126 MB as float32, if they are held; 16 of each of two sets 25 and 100."""
    exact = {"MALLOC_MMAP_THRESHOLD_": "65536", "OMP_NUM_THREADS": "1"}  # what is freed goes back at once
    command = [sys.executable, "-c", MEASURE.format(work=work, count=count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | exact)
    few, many = map(int, done.stdout.split())
    assert many - few < 30, done.stdout
