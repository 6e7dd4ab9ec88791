"""Mixtures: true to the numbers of the papers, the same for the same seed, whole from source to store; their modes counted."""

import json
import math
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from benchmarks.mixtures import Mixture, mode_metrics
from espalier.data.errors import InputError
from espalier.data.prepare import prepare
from espalier.data.sources.dolls import DollSource
from espalier.data.store import Store

SHAPES: tuple[str, ...] = get_args(Mixture.model_fields["shape"].annotation)
MIXTURES = {"ring": (8, 0.01), "grid": (25, 0.05), "gaussians8": (8, 0.02 / 1.414), "gaussians25": (25, 0.05 / 2.828)}
"""Modes and their standard deviation, as the papers have them."""


def source(shape: str, **options: object) -> Mixture:
    return Mixture.model_validate({"source": "mixtures.Mixture", "root": "data/sources", "shape": shape, **options})


def prepared(shape: str, path: Path, **options: object) -> Store:
    prepare(source(shape, **options), path, lambda done, total: None)
    return Store(path)


def corners(places: list[float]) -> set[tuple[float, float]]:
    return {(x, y) for x in places for y in places}


def rounded(centres: NDArray[np.float64]) -> set[tuple[float, float]]:
    return {(round(x, 9) + 0.0, round(y, 9) + 0.0) for x, y in centres.tolist()}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_and_types(shape: str) -> None:
    drawn = source(shape, count=7).draw()
    dimensions = 1 if shape == "delta" else 2
    assert drawn.points.shape == (7, dimensions) and drawn.points.dtype == np.float32
    assert drawn.labels.shape == (7,) and drawn.labels.dtype == np.int64
    assert drawn.centres.shape == (MIXTURES.get(shape, (0, 0))[0], dimensions) and drawn.centres.dtype == np.float64
    assert (drawn.std is None) == (shape not in MIXTURES) == (drawn.labels == -1).all()
    assert source(shape).count == 100_000


def test_centres_are_those_of_the_papers() -> None:
    half = math.sqrt(0.5)
    circle = np.array([(1, 0), (half, half), (0, 1), (-half, half), (-1, 0), (-half, -half), (0, -1), (half, -half)])
    np.testing.assert_allclose(source("ring", count=1).draw().centres, circle, atol=1e-12)
    np.testing.assert_allclose(source("gaussians8", count=1).draw().centres, 2 / 1.414 * circle, atol=1e-12)
    assert rounded(source("grid", count=1).draw().centres) == corners([-4, -2, 0, 2, 4])
    assert rounded(2.828 * source("gaussians25", count=1).draw().centres) == corners([-4, -2, 0, 2, 4])


@pytest.mark.parametrize("shape", list(MIXTURES))
def test_every_mode_has_its_mean_its_spread_and_its_share(shape: str) -> None:
    drawn = source(shape).draw()
    modes, std = MIXTURES[shape]
    assert drawn.std == pytest.approx(std, rel=1e-12)
    offsets = drawn.points - drawn.centres[drawn.labels]
    for mode in range(modes):
        own = offsets[drawn.labels == mode]
        assert abs(len(own) - 100_000 / modes) < 5 * math.sqrt(100_000 / modes)
        assert np.abs(own.mean(axis=0)).max() < 5 * std / math.sqrt(len(own))
        np.testing.assert_allclose(own.std(axis=0), std, rtol=5 / math.sqrt(2 * len(own)))
    correlation = (offsets[:, 0] * offsets[:, 1]).mean() / std**2
    assert abs(correlation) < 5 / math.sqrt(100_000)


@pytest.mark.parametrize("shape", list(MIXTURES))
def test_the_share_within_three_sigma_is_that_of_a_gaussian_in_the_plane(shape: str) -> None:
    drawn = source(shape).draw()
    assert drawn.std is not None
    distances = np.linalg.norm(drawn.points - drawn.centres[drawn.labels], axis=1)
    share = (distances <= 3 * drawn.std).mean()
    assert share == pytest.approx(1 - math.exp(-4.5), abs=0.0017)  # 98.89 %, five standard errors


def test_the_swiss_roll_lies_on_its_curve_up_to_its_noise() -> None:
    points = 7.5 * source("swiss_roll", count=4000).draw().points.astype(np.float64)
    t = np.linspace(1.5 * math.pi, 4.5 * math.pi, 2000)
    curve = t * np.stack([np.cos(t), np.sin(t)])
    distances = np.sqrt(((points[:, :, None] - curve) ** 2).sum(axis=1))
    away = distances.min(axis=1)
    # Only the noise across the curve counts; beyond its two ends, along it too.
    assert math.sqrt((away**2).mean()) == pytest.approx(0.25, rel=0.05) and away.max() < 5 * 0.25
    nearest = t[distances.argmin(axis=1)]
    shares = np.histogram(nearest, bins=6, range=(t[0], t[-1]))[0] / 4000
    np.testing.assert_allclose(shares, 1 / 6, atol=0.03)


def test_delta_is_nothing_but_zeros() -> None:
    assert not source("delta", count=100, seed=3).draw().points.any()


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "delta"])
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(shape: str) -> None:
    first, again, other = (source(shape, count=50, seed=seed).draw() for seed in (4, 4, 5))
    assert first.points.tobytes() == again.points.tobytes() and first.labels.tobytes() == again.labels.tobytes()
    assert (first.points != other.points).any(axis=1).all()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"shape": "star"}, "should be 'ring', 'grid'"),
        ({"count": 0}, "greater than or equal to 1"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"resolution": 32}, "[Ee]xtra inputs"),
    ],
)
def test_bad_options_are_refused(options: dict[str, object], complaint: str) -> None:
    given = {"source": "mixtures.Mixture", "root": "x", "shape": "ring", **options}
    with pytest.raises(ValidationError, match=complaint):
        Mixture.model_validate(given)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_store_gives_back_what_was_drawn(shape: str, tmp_path: Path) -> None:
    store, drawn = prepared(shape, tmp_path / "points", count=30, seed=2), source(shape, count=30, seed=2).draw()
    assert store.holds_points and store.manifest.resolutions == [] and store.manifest.count == 30
    assert store.manifest.channels == drawn.points.shape[1] and store.manifest.source["shape"] == shape
    assert isinstance(store.points(), np.memmap) and store.points().tobytes() == drawn.points.tobytes()
    np.testing.assert_array_equal(store.labels(), drawn.labels)
    store.verify(None)
    if drawn.std is None:
        assert store.manifest.modes is None and store.manifest.classes == []
    else:
        assert store.manifest.modes is not None and store.manifest.modes.std == drawn.std
        np.testing.assert_array_equal(store.manifest.modes.centres, drawn.centres)
        assert store.manifest.classes == [str(mode) for mode in range(len(drawn.centres))]


def test_progress_says_when_all_is_done(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    assert prepare(source("ring", count=30), tmp_path / "ring", lambda done, total: seen.append((done, total))) == []
    assert seen == [(30, 30)]


def test_points_and_images_are_not_taken_for_each_other(tmp_path: Path) -> None:
    ring = prepared("ring", tmp_path / "ring", count=4)
    prepare(
        DollSource(source="dolls", root=Path("x"), count=2, resolution=4),
        tmp_path / "dolls",
        lambda _, __: None,
        workers=1,
    )
    dolls = Store(tmp_path / "dolls")
    for ask in (lambda: ring.images(8), lambda: ring.verify(8)):
        with pytest.raises(InputError, match="ring holds points, not images; take a dataset of images"):
            ask()
    for refused in (dolls.points, lambda: dolls.verify(None)):
        with pytest.raises(InputError, match="dolls holds images, not points; take a dataset of points"):
            refused()
    assert not dolls.holds_points


def test_stores_of_images_have_the_manifest_they_always_had(tmp_path: Path) -> None:
    prepare(
        DollSource(source="dolls", root=Path("x"), count=2, resolution=4),
        tmp_path / "dolls",
        lambda _, __: None,
        workers=1,
    )
    keys = {"format", "count", "channels", "resolutions", "classes", "source", "damaged", "digests", "seal"}
    assert set(json.loads((tmp_path / "dolls/manifest.json").read_text())) == keys
    assert Store(tmp_path / "dolls").manifest.modes is None


@pytest.mark.parametrize("harm", ["flip", "truncate", "remove", "shape"])
def test_damaged_points_are_known_and_the_error_says_how_to_mend_them(tmp_path: Path, harm: str) -> None:
    store, file = prepared("grid", tmp_path / "grid", count=20), tmp_path / "grid/points.npy"
    content = bytearray(file.read_bytes())
    if harm == "flip":
        content[-1] ^= 1
        file.write_bytes(content)
    elif harm == "truncate":
        file.write_bytes(content[:-9])
    elif harm == "remove":
        file.unlink()
    else:
        np.save(file, store.points()[:10].copy())
    with pytest.raises(InputError, match=r"(?s)is damaged: points\.npy .*dvc repro -f dataset@grid"):
        Store(tmp_path / "grid").verify(None)


CENTRES = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])


def test_modes_high_quality_and_reverse_kl_at_known_points() -> None:
    good = torch.tensor([[0.0, 0.29], [0.1, 0.0], [10.0, 0.0]])
    far = torch.tensor([[0.0, 0.31], [5.0, 5.0]])
    found = mode_metrics(torch.cat([good, far]), CENTRES, std=0.1)
    assert (found.modes, found.hq_share) == (2, 0.6)
    expected = math.log(4) + (2 / 3) * math.log(2 / 3) + (1 / 3) * math.log(1 / 3)
    assert found.reverse_kl == pytest.approx(expected)
    nothing = mode_metrics(far, CENTRES, std=0.1)
    assert nothing.modes == 0 and math.isnan(nothing.reverse_kl)


@pytest.mark.parametrize(("shape", "modes", "floor"), [("ring", 8, 0.0014), ("grid", 25, 0.0048)])
def test_real_points_have_the_ceilings_of_perfect_samples(shape: Any, modes: int, floor: float) -> None:
    drawn = Mixture(source="mixtures.Mixture", root=Path("x"), shape=shape, count=100_000).draw()
    assert drawn.std is not None
    centres, samples = torch.tensor(drawn.centres), torch.from_numpy(drawn.points)
    whole = mode_metrics(samples, centres, drawn.std)
    assert whole.modes == modes and whole.hq_share == pytest.approx(1 - math.exp(-4.5), abs=0.002)
    few = [mode_metrics(samples[i : i + 2500], centres, drawn.std).reverse_kl for i in range(0, 100_000, 2500)]
    assert np.mean(few) == pytest.approx(floor, rel=0.25)
