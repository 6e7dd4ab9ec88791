"""Images that are not square: prepared by crop, pad or aspect; trained, grown, sampled and evaluated in their own shape."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from espalier.data.errors import InputError
from espalier.data.frames import SHAPES, shape_of, sides
from espalier.data.images import to_frame
from espalier.data.prepare import prepare
from espalier.data.sources.folder import FolderSource
from espalier.data.store import Store
from espalier.stages.artifacts.artifact import load_generator
from espalier.stages.config.params import read_params
from espalier.stages.config.sections import source_config
from espalier.stages.config.stage_type import stage_of
from espalier.stages.contracts.in_parts import in_parts, squared
from tests.conftest import Project


def pictures(folder: Path, size: tuple[int, int], count: int = 24) -> None:
    """Images (width, height) whose red rises from left to right, green from top to bottom; blue is their number."""
    folder.mkdir(parents=True)
    width, height = size
    for number in range(count):
        red, green = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
        blue = np.full_like(red, 10 * number)
        Image.fromarray(np.stack([red, green, blue], axis=-1).astype(np.uint8)).save(folder / f"{number}.png")


def store_of(folder: Path, out: Path, **options: Any) -> Store:
    source = FolderSource(source="folder", root=folder, **options)
    prepare(source, out, lambda done, total: None, workers=1)
    return Store(out)


@pytest.mark.parametrize(
    ("aspect", "shape"),
    [(1.0, (4, 4)), (1.1, (4, 4)), (1.33, (4, 3)), (2, (4, 2)), (0.75, (3, 4)), (0.5, (2, 4)), (9, (4, 1))],
)
def test_the_nearest_shape(aspect: float, shape: tuple[int, int]) -> None:
    assert shape_of(aspect) == shape and shape in SHAPES
    assert max(sides(64, shape)) == 64


@pytest.mark.parametrize(("size", "expected"), [((48, 64), (64, 48)), ((90, 60), (48, 64)), ((60, 61), (64, 64))])
def test_a_dataset_has_the_shape_that_most_images_have(
    tmp_path: Path, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    pictures(tmp_path / "in", size, 6)
    Image.new("RGB", (200, 20)).save(tmp_path / "in/odd.png")
    store = store_of(tmp_path / "in", tmp_path / "out", resolution=64, fit="aspect")
    assert store.images(64).shape == (7, *expected, 3)
    assert store.manifest.resolutions == [64, 32, 16, 8, 4]
    assert store.images(4).shape == (7, expected[0] // 16, expected[1] // 16, 3)
    exact = (
        store.images(64)[0].astype(np.float64).reshape(expected[0] // 2, 2, expected[1] // 2, 2, 3).mean(axis=(1, 3))
    )
    assert np.abs(store.images(32)[0] - exact).max() <= 1


def test_crop_keeps_the_middle_and_pad_keeps_all(tmp_path: Path) -> None:
    pictures(tmp_path / "in", (64, 32), 2)
    crop = store_of(tmp_path / "in", tmp_path / "crop", resolution=32).images(32)[0]
    assert crop.shape == (32, 32, 3) and 60 < crop[0, 0, 0] < 68 and 187 < crop[0, -1, 0] < 195
    pad = store_of(tmp_path / "in", tmp_path / "pad", resolution=32, fit="pad", background="blue").images(32)[0]
    assert (pad[:8] == (0, 0, 255)).all() and (pad[-8:] == (0, 0, 255)).all()
    assert pad[16, 0, 0] < 8 and pad[16, -1, 0] > 247


def test_a_frame_is_the_largest_middle_box() -> None:
    wide = Image.fromarray(np.tile(np.arange(100, dtype=np.uint8), (40, 1)))
    found = to_frame(wide, (40, 30), 1)
    assert (found[0, :, 0] == np.arange(35, 65)).all()


def test_48_is_a_side_with_aspect_only(tmp_path: Path) -> None:
    pictures(tmp_path / "in", (40, 60), 2)
    assert FolderSource(source="folder", root=tmp_path, resolution=48, fit="aspect").resolution == 64
    with pytest.raises(ValueError, match="must be a power of two"):
        FolderSource(source="folder", root=tmp_path, resolution=48)
    with pytest.raises(ValueError, match="must be a power of two"):
        FolderSource(source="folder", root=tmp_path, resolution=40, fit="aspect")


def test_squares_are_padded_in_the_middle_also_in_parts() -> None:
    images = torch.arange(2 * 1 * 4 * 2, dtype=torch.uint8).view(2, 1, 4, 2)
    square = squared(images)
    assert square.shape == (2, 1, 4, 4)
    assert torch.equal(square[:][..., 1:3], images) and not square[:][..., 0].any() and not square[:][..., 3].any()
    many = squared(in_parts(3000, lambda start, end: torch.ones(end - start, 3, 256, 192, dtype=torch.uint8)))
    assert many.shape == (3000, 3, 256, 256) and int(many[5:6].sum()) == 3 * 256 * 192


NETWORKS: dict[str, dict[str, Any]] = {
    "progan": {"latent": 8, "base": 64, "largest": 8},
    "stylegan2": {"latent": 8, "style": 8, "base": 64, "largest": 8},
    "r3gan": {"latent": 8, "base": 64, "largest": 8, "blocks": 1},
    "projected": {"latent": 8, "width": 1, "largest": 8, "side": 64},
}


def chain(name: str) -> dict[str, Any]:
    tricks: dict[str, Any] = {"loss": "hinge", "ema": {}}
    common = {
        "dataset": "artifacts/datasets/tall", "kimg": 0.064, "batch_size": 8, "network": {"name": name, **NETWORKS[name]},
        "tricks": tricks, "monitor": {"steps": 4},
    }  # fmt: skip
    if name == "projected":
        return {"common": common, "stages": {"r16": {"resolution": 16}}}
    tricks |= {"fade": {"kimg": 0.032}, "minibatch_stddev": {"group": 4}, "r1": {}, "diffaugment": {}}
    r16 = {"after": "artifacts/game/r8", "resolution": 16}
    return {"common": common, "stages": {"r8": {"resolution": 8}, "r16": r16}}


def begin(project: Project, section: dict[str, Any]) -> dict[str, Any]:
    if not (project.root / "pictures").is_dir():
        pictures(project.root / "pictures", (30, 40))
    tall = {"source": "folder", "root": "pictures", "resolution": 16, "fit": "aspect"}
    project.set("datasets.tall", tall)
    project.set("game", section)
    params = read_params()
    prepare(source_config(params, "tall"), Path("artifacts/datasets/tall"), lambda done, total: None, workers=1)
    return params


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_train_and_grow_in_that_shape(project: Project, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.root)
    params = begin(project, chain(name))
    for stage in params["game"]["stages"]:
        stage_of(params, "game", stage).run()
    generator, record = load_generator(Path("artifacts/game/r16"), torch.device("cpu"))
    assert record.shape == (4, 3)
    with torch.no_grad():
        assert generator(torch.randn(2, 8)).shape == (2, 3, 16, 12)
    with Image.open("artifacts/game/r16/samples.png") as sheet:
        assert sheet.height > sheet.width
    if name == "progan":
        pictures(project.root / "wide", (80, 40), 1)
        project.espalier("project", "wide/0.png", "game@r16", "--steps", "3", "-o", "near.png")
        project.espalier("sample", "game@r16", "-n", "2", "--folder", "made")
        with Image.open("made/00001.png") as image:
            assert image.size == (12, 16)
        said = project.espalier("evaluate", "game@r16", "-n", "12", "--features", "imagenet", ok=False)
        assert "too few for 1280 features" in said


def test_what_is_for_squares_is_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.root)
    section = chain("progan")
    section["stages"] = {"r8": {"resolution": 8, "tricks": {"ada": {}, "diffaugment": None}}}
    params = begin(project, section)
    with pytest.raises(InputError, match="tricks.ada turns as squares; use diffaugment, or fit: crop or pad"):
        stage_of(params, "game", "r8").run()
    section["stages"] = {"r8": {"resolution": 8, "network": {"name": "dcgan"}, "tricks": {"loss": "hinge"}}}
    section["common"]["tricks"] = {"loss": "hinge"}
    params = begin(project, section)
    with pytest.raises(InputError, match="the network dcgan makes squares; use one of progan, .*or fit: crop or pad"):
        stage_of(params, "game", "r8").run()


def test_nothing_is_said_to_be_enlarged_that_is_not(tmp_path: Path) -> None:
    pictures(tmp_path / "in", (48, 64), 3)
    for options in ({"fit": "aspect"}, {"fit": "pad"}):
        source = FolderSource(source="folder", root=tmp_path / "in", resolution=64, **options)
        listing = source.listing()
        assert not source.example(listing, 0).enlarged
    assert FolderSource(source="folder", root=tmp_path / "in", resolution=64).example(listing, 0).enlarged


def test_a_square_dataset_has_the_manifest_it_had(tmp_path: Path) -> None:
    pictures(tmp_path / "in", (16, 16), 3)
    store_of(tmp_path / "in", tmp_path / "out", resolution=16)
    assert "shape" not in json.loads((tmp_path / "out/manifest.json").read_text())
