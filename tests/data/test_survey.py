"""What `espalier start` sees of a folder of images: each number against a folder in which it is known."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from espalier.data.dolls import doll
from espalier.data.errors import InputError
from espalier.data.survey import MOST, survey


def draw(folder: Path, count: int, side: int = 32) -> list[Image.Image]:
    folder.mkdir(parents=True, exist_ok=True)
    images = [Image.fromarray(doll(1, number, side).image) for number in range(count)]
    for number, image in enumerate(images):
        image.save(folder / f"{number:03d}.png")
    return images


def test_count_sizes_shape_and_colour(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    for number, (width, height) in enumerate([(40, 80), (50, 100), (60, 120), (30, 30)]):
        pixels = noise.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    seen = survey(tmp_path)
    assert (seen.count, seen.looked, seen.channels, seen.classes) == (4, 4, 3, {})
    assert seen.sides[0] == 30 and seen.sides[2] == 60 and seen.sides[1] in (40, 50)
    assert seen.aspect == (2.0, 0.75) and seen.distinct == 1 and seen.near == 0


def test_a_photo_that_is_turned_by_its_exif_counts_as_it_is_seen(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    draw(tmp_path, 3)
    Image.new("RGB", (90, 30)).save(tmp_path / "turned.jpg", exif=exif)
    (tmp_path / "000.png").unlink()
    (tmp_path / "001.png").unlink()
    (tmp_path / "002.png").unlink()
    assert survey(tmp_path).aspect[0] == 3.0


def test_copies_are_told_from_near_copies_and_from_others(tmp_path: Path) -> None:
    images = draw(tmp_path, 20)
    for number in range(5):
        images[number].save(tmp_path / f"copy-{number}.png")
    for number in range(5, 12):
        images[number].point(lambda value: min(255, value + 1)).save(tmp_path / f"near-{number}.png")
    seen = survey(tmp_path)
    assert seen.count == 32 and seen.distinct == pytest.approx(27 / 32)
    assert seen.near == pytest.approx(7 / 27)
    assert seen.usable == 27


def test_damaged_files_are_named_and_not_counted(tmp_path: Path) -> None:
    draw(tmp_path, 8)
    (tmp_path / "torn.png").write_bytes((tmp_path / "000.png").read_bytes()[:200])
    (tmp_path / "text.jpg").write_text("no image")
    seen = survey(tmp_path)
    assert set(seen.damaged) == {"torn.png", "text.jpg"} and seen.usable == 8


def test_classes_and_a_zip_are_read(tmp_path: Path) -> None:
    draw(tmp_path / "all/cats", 3)
    draw(tmp_path / "all/dogs", 5)
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted((tmp_path / "all").rglob("*.png")):
            file.write(path, path.relative_to(tmp_path / "all"))
    for root in (tmp_path / "all", archive):
        assert survey(root).classes == {"cats": 3, "dogs": 5}


def test_the_brightest_value_of_16_bit_scans_is_found(tmp_path: Path) -> None:
    scans = np.random.default_rng(0).integers(0, 4000, (6, 20, 20), dtype=np.uint16)
    scans[2, 3, 4] = 4090
    for number, scan in enumerate(scans):
        Image.fromarray(scan).save(tmp_path / f"{number}.png")
    seen = survey(tmp_path)
    assert (seen.brightest, seen.channels, seen.damaged) == (4090, 1, {})


@pytest.mark.parametrize("depth", [np.uint16, np.float32, np.int32])
def test_dark_scans_and_floats_that_differ_are_not_alike(tmp_path: Path, depth: type) -> None:
    for number in range(12):
        faint = (
            np.asarray(Image.fromarray(doll(1, number, 32).image).convert("L"))
            / 255
            * (1 if depth is np.float32 else 900)
        )
        Image.fromarray(faint.astype(depth)).save(tmp_path / f"{number}.tif")
    seen = survey(tmp_path)
    assert not seen.damaged and seen.near == 0 and seen.distinct == 1


def test_a_large_folder_is_looked_at_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("espalier.data.survey.MOST", 10)
    draw(tmp_path, 40)
    (tmp_path / "000.png").write_text("damaged")
    seen = survey(tmp_path)
    assert (seen.count, seen.looked, len(seen.damaged), seen.usable) == (40, 10, 1, 36)
    assert MOST >= 1000


def test_no_images_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("words")
    with pytest.raises(InputError, match="no images in"):
        survey(tmp_path)
