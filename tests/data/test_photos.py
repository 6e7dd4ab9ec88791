"""What users' own photos are: large JPEGs, zips, iPhones' HEIC, colour profiles, small and grey ones."""

import importlib.util
import os
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from espalier.data import prepare as module
from espalier.data.errors import InputError
from espalier.data.images import to_square
from espalier.data.prepare import prepare
from espalier.data.sources import folder
from espalier.data.sources.files import INSTALL_HEIC
from espalier.data.sources.folder import FolderSource
from espalier.data.store import Store


def photo(side: int, seed: int = 0) -> Image.Image:
    """A smooth coloured picture."""
    x, y = np.meshgrid(np.linspace(0, 6, side * 3 // 2), np.linspace(0, 4, side))
    waves = [np.sin((1 + k) * x + seed) * np.cos(y * (k + 2)) for k in range(3)]
    return Image.fromarray(np.uint8(np.stack([127 + 120 * wave for wave in waves], axis=2)))


def source(root: Path, **options: Any) -> FolderSource:
    return FolderSource.model_validate({"source": "folder", "root": root, "resolution": 16, **options})


def prepared(root: Path, out: Path, **options: Any) -> tuple[Store, list[str]]:
    notes = prepare(source(root, **options), out, lambda done, total: None, workers=1)
    return Store(out), notes


def test_large_jpegs_are_decoded_reduced_and_look_the_same(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    photo(1600).save(tmp_path / "in/a.jpg", quality=92)
    times, images = {}, {}
    for how in ("reduced", "full"):
        begun = time.process_time()
        store, _ = prepared(tmp_path / "in", tmp_path / how, decode=how)
        times[how], images[how] = time.process_time() - begun, store.images(16)[0].astype(int)
        assert store.manifest.source["decode"] == how
    assert np.abs(images["reduced"] - images["full"]).max() <= 3 and times["reduced"] < 0.6 * times["full"]
    exact = to_square(photo(1600), 16, 3).astype(int)
    assert np.abs(images["full"] - exact).max() <= 3


def test_a_zip_is_read_as_its_folder(tmp_path: Path) -> None:
    for name, seed in (("cats/a.png", 1), ("cats/b.png", 2), ("dogs/c.png", 3)):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        photo(24, seed).save(tmp_path / "photos" / name)
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for file in sorted((tmp_path / "photos").rglob("*.png")):
            archive.write(file, file.relative_to(tmp_path))
        archive.writestr("__MACOSX/photos/._a.png", b"rubbish")
        archive.writestr("photos/notes.txt", b"text")
    unpacked, _ = prepared(tmp_path / "photos", tmp_path / "a")
    zipped, notes = prepared(tmp_path / "photos.zip", tmp_path / "b")
    np.testing.assert_array_equal(unpacked.images(16), zipped.images(16))
    assert zipped.manifest.classes == ["cats", "dogs"] and zipped.records() == unpacked.records()
    assert any("left out 1 files that are no images" in note for note in notes)
    assert prepare(source(tmp_path / "photos.zip"), tmp_path / "c", lambda done, total: None, workers=2) == notes
    (tmp_path / "text.zip").write_text("no archive")
    with pytest.raises(InputError, match="is a file but no .zip archive"):
        source(tmp_path / "text.zip").check_root()


def test_a_root_that_is_not_there_is_the_sources_own_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the image folder .*nothing does not exist"):
        source(tmp_path / "nothing").check_root()
    with pytest.raises(InputError, match="DVC does not know ~"):
        source(Path("~/photos")).check_root()


def test_an_iphones_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    if importlib.util.find_spec("pillow_heif"):
        photo(64).save(tmp_path / "in/IMG_1.HEIC", quality=95)
        store, _ = prepared(tmp_path / "in", tmp_path / "out")
        assert np.abs(store.images(16)[0].astype(int) - to_square(photo(64), 16, 3)).max() <= 12
    else:
        (tmp_path / "in/IMG_1.HEIC").write_bytes(b"heic")
    monkeypatch.setattr("espalier.data.images._readable_endings", lambda: frozenset({".png"}))
    with pytest.raises(InputError, match=INSTALL_HEIC):
        source(tmp_path / "in").listing()
    photo(16).save(tmp_path / "in/a.png")
    assert f"to read the 1 .heic images: {INSTALL_HEIC}" in source(tmp_path / "in").listing().notes


def test_colours_are_converted_by_the_profile(tmp_path: Path) -> None:
    """A wide-gamut profile: what is stored as its pure green is beyond what sRGB holds, and grey stays grey."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    swapped = swapped_primaries(srgb.tobytes())
    colours = Image.new("RGB", (32, 32), (200, 60, 20))
    plain = to_square(colours, 16, 3)
    colours.info["icc_profile"] = srgb.tobytes()
    np.testing.assert_array_equal(to_square(colours, 16, 3), plain)
    colours.info["icc_profile"] = swapped  # it says that what it calls red is green
    assert np.abs(to_square(colours, 16, 3)[0, 0].astype(int) - (60, 200, 20)).max() <= 3
    for useless in (b"no profile", lab):
        colours.info["icc_profile"] = useless
        np.testing.assert_array_equal(to_square(colours, 16, 3), plain)


def swapped_primaries(profile: bytes) -> bytes:
    """An sRGB profile whose red and green columns are swapped, under another name."""
    content = bytearray(profile.replace(b"s\0R\0G\0B", b"o\0t\0h\0e").replace(b"sRGB", b"othe"))
    count = int.from_bytes(content[128:132], "big")
    at = {bytes(content[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    content[at[b"rXYZ"] : at[b"rXYZ"] + 4], content[at[b"gXYZ"] : at[b"gXYZ"] + 4] = b"gXYZ", b"rXYZ"
    return bytes(content)


def test_small_images_are_counted(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for index, side in enumerate((8, 15, 16, 40, 28)):
        photo(side).crop((0, 0, side, side)).save(tmp_path / f"in/{index}.png")
    _, notes = prepared(tmp_path / "in", tmp_path / "out")
    assert any(note.startswith("2 of 5 images are smaller than 16x16 and were enlarged") for note in notes)
    Image.new("L", (28, 28)).save(tmp_path / "in/digit.png")
    _, notes = prepared(tmp_path / "in", tmp_path / "out", resolution=32)
    assert any(note.startswith("3 of 6") for note in notes)  # the MNIST family is padded


def test_grey_is_concluded_from_some_and_one_coloured_image_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    for index in range(30):
        photo(16, index).convert("L").save(tmp_path / f"in/{index:02d}.jpg")
    monkeypatch.setattr(folder, "SURVEYED", 5)
    opened: list[str] = []
    real = FolderSource.open
    monkeypatch.setattr(FolderSource, "open", lambda self, name: (opened.append(name), real(self, name))[1])
    assert source(tmp_path / "in").listing().channels == 1 and len(opened) <= 6
    assert prepared(tmp_path / "in", tmp_path / "grey")[0].manifest.channels == 1
    photo(16).save(tmp_path / "in/17.jpg", quality=95)
    assert source(tmp_path / "in").listing().channels == 1
    store, _ = prepared(tmp_path / "in", tmp_path / "coloured")
    assert store.manifest.channels == 3 and np.ptp(store.images(16)[17].astype(int), axis=2).max() > 40
    assert prepared(tmp_path / "in", tmp_path / "chosen", channels=1)[0].manifest.channels == 1


def test_workers_are_as_many_as_cores_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3}, raising=False)
    assert module.cores() == 1
