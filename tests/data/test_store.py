"""A store's maps at every resolution, and what is said where there are none."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.mixtures import Mixture
from espalier.data.errors import InputError
from espalier.data.images import map_to_square
from espalier.data.prepare import prepare
from espalier.data.sources.dolls import DollSource
from espalier.data.sources.folder import FolderSource
from espalier.data.store import Store


def quiet(done: int, total: int) -> None:
    """No progress."""


def test_maps_of_each_resolution_are_pixels_of_the_full_one(tmp_path: Path) -> None:
    prepare(DollSource(source="dolls", root=Path("x"), count=3, resolution=32), tmp_path / "dolls", quiet, workers=1)
    store = Store(tmp_path / "dolls")
    full = np.load(tmp_path / "dolls/maps-32.npy")
    np.testing.assert_array_equal(store.maps(32), full)
    for resolution, step in ((16, 2), (8, 4)):
        found = store.maps(resolution)
        assert found.shape == (3, resolution, resolution) and isinstance(found, np.memmap)
        for row in range(resolution):
            expected = full[:, row * step + step // 2, step // 2 :: step]
            np.testing.assert_array_equal(found[:, row], expected)
        np.testing.assert_array_equal(found[1], map_to_square(full[1], resolution))
    for resolution in (4, 64):
        with pytest.raises(InputError, match=rf"no {resolution}x{resolution} maps .*starts? at 8x8; it has 8, 16, 32"):
            store.maps(resolution)
    assert store.codes() is None and "code_width" not in (tmp_path / "dolls/manifest.json").read_text()


def test_a_store_without_maps_says_which_sources_have_them(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "in/a.png")
    images = FolderSource(source="folder", root=tmp_path / "in", resolution=8)
    points = Mixture.model_validate({"source": "points", "root": "x", "shape": "ring", "count": 5})
    for name, source in (("folder", images), ("points", points)):
        prepare(source, tmp_path / name, quiet, workers=1)
        complaint = rf"no segmentation maps .its source is {name}.; take one of 'source: dolls', 'people' or 'fashiong"
        with pytest.raises(InputError, match=complaint):
            Store(tmp_path / name).maps(8)
        assert Store(tmp_path / name).codes() is None
