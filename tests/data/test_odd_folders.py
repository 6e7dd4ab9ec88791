"""Folders as people have them: hidden and linked folders, pipes, dead links, odd names, formats that are only written, floats."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from espalier.data.errors import InputError
from espalier.data.prepare import prepare
from espalier.data.sources.folder import FolderSource
from espalier.data.store import Store


def picture(path: Path, colour: int = 200) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8), colour).save(path)


def source(root: Path, **options: object) -> FolderSource:
    return FolderSource.model_validate({"source": "folder", "root": root, "resolution": 8, **options})


def prepared(root: Path, **options: object) -> tuple[Store, list[str]]:
    notes = prepare(source(root, **options), root.parent / "store", lambda done, total: None, workers=1)
    return Store(root.parent / "store"), notes


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in ("cats/1.png", "cats/2.png", "dogs/1.png"):
        picture(tmp_path / "photos" / name)
    return tmp_path / "photos"


@pytest.mark.parametrize("hidden", [".ipynb_checkpoints/1.png", "cats/.thumbs/1.png", "__MACOSX/1.png", "cats/._1.png"])
def test_hidden_and_archive_folders_are_no_classes(photos: Path, hidden: str) -> None:
    picture(photos / hidden)
    store, notes = prepared(photos)
    assert store.manifest.classes == ["cats", "dogs"] and store.manifest.count == 3
    assert notes[0].startswith("left out 1 hidden files and folders (1 x ")


def test_a_linked_folder_is_a_class_and_is_read_once(photos: Path) -> None:
    picture(photos.parent / "elsewhere" / "1.png")
    (photos / "birds").symlink_to(photos.parent / "elsewhere")
    (photos / "zebras").symlink_to(photos / "cats")
    (photos / "cats" / "loop").symlink_to(photos)
    store, notes = prepared(photos)
    assert store.manifest.classes == ["birds", "cats", "dogs"] and store.manifest.count == 4
    said = "\n".join(notes)
    assert "birds is a link to" in said and "the link zebras: it leads back to cats" in said
    assert "the link cats/loop: it leads back to ." in said


@pytest.mark.parametrize("name", ["licence.pdf", "data.h5", "film.mpg", "x.wmf"])
def test_only_formats_that_pillow_decodes_are_images(photos: Path, name: str) -> None:
    (photos / name).write_bytes(b"%PDF-1.4 and more")
    store, notes = prepared(photos)
    assert store.manifest.count == 3 and f"left out 1 files that are no images (1 x {Path(name).suffix})" in notes[0]


def dead_link(folder: Path) -> str:
    (folder / "gone.png").symlink_to("nowhere.png")
    return r"cats/gone\.png is a link to nowhere\.png, which does not exist; remove it"


def pipe(folder: Path) -> str:
    os.mkfifo(folder / "pipe.png")
    return r"cats/pipe\.png is no file but a pipe, socket or device; remove it"


def odd_name(folder: Path) -> str:
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.png")).write_bytes(b"x")
    return r"cats/caf\\xe9\.png has a name that is not UTF-8; rename it"


TROUBLES = [dead_link, pipe, odd_name]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_cannot_be_read_is_named_with_the_remedy(photos: Path, trouble: object) -> None:
    expected = trouble(photos / "cats")  # type: ignore[operator]
    with pytest.raises(InputError, match=expected):
        source(photos).listing()


def test_a_class_whose_every_image_is_damaged_is_left_out(photos: Path) -> None:
    (photos / "cows").mkdir()
    (photos / "cows" / "1.png").write_bytes(b"nothing")
    store, notes = prepared(photos, damaged=0.5)
    assert store.manifest.classes == ["cats", "dogs"] and store.labels().tolist() == [0, 0, 1]
    assert notes[-1] == "left out 1 classes without a readable image: cows"


# Floats, and integers of more than 8 bits.


def floats(path: Path, *values: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((8, 8), values[0], dtype=np.float32)
    pixels.flat[: len(values)] = values
    Image.fromarray(pixels).save(path)


@pytest.mark.parametrize(
    ("brightest", "expected"), [(1.0, 127.5), (1.0001, 0.5), (200.0, 0.5), (300.0, 0.0), (70_000.0, 0.0)]
)
def test_all_float_images_of_a_dataset_have_one_range(tmp_path: Path, brightest: float, expected: float) -> None:
    floats(tmp_path / "photos/a.tif", 0.5)
    floats(tmp_path / "photos/b.tif", 0.0, brightest)
    store, notes = prepared(tmp_path / "photos")
    assert abs(float(store.images(8)[0].mean()) - expected) <= 0.5
    assert "in float images 0 is black and" in notes[-1]


def test_negative_floats_are_scaled_from_the_least_to_the_largest(tmp_path: Path) -> None:
    floats(tmp_path / "photos/a.tif", -1.0)
    floats(tmp_path / "photos/b.tif", 1.0)
    store, _ = prepared(tmp_path / "photos")
    assert store.images(8)[0].max() == 0 and store.images(8)[1].min() == 255


def test_a_declared_range_holds_for_floats_and_for_16_bits(tmp_path: Path) -> None:
    floats(tmp_path / "photos/a.tif", 2.0, 9.0)
    Image.fromarray(np.full((8, 8), 2, dtype=np.uint16)).save(tmp_path / "photos/b.png")
    store, notes = prepared(tmp_path / "photos", range=[0, 4])
    assert np.abs(store.images(8)[:, -1].astype(int) - 128).max() <= 1 and notes == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_damage(tmp_path: Path, value: float) -> None:
    floats(tmp_path / "photos/a.tif", 0.5)
    floats(tmp_path / "photos/b.tif", 0.5, value)
    store, notes = prepared(tmp_path / "photos", damaged=0.5)
    assert store.manifest.damaged == ["b.tif"] and "NaN or infinite" in notes[-1]
    assert store.images(8)[0].mean() == pytest.approx(127.5, abs=0.5)
