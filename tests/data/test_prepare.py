"""Preparation: images of every kind, damage, the store, and the same store for any number of workers."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from espalier.data.errors import InputError
from espalier.data.images import to_square
from espalier.data.prepare import prepare, resolutions_of
from espalier.data.sources.dolls import DollSource
from espalier.data.sources.folder import FolderSource
from espalier.data.sources.torchvision import TorchvisionSource
from espalier.data.store import Store


def quiet(done: int, total: int) -> None:
    """No progress."""


def folder(root: Path, **options: object) -> FolderSource:
    return FolderSource.model_validate({"source": "folder", "root": root, "resolution": 8, **options})


def gradient(size: tuple[int, int]) -> Image.Image:
    """An image in which each place has its own colour."""
    x, y = np.meshgrid(np.linspace(0, 255, size[0]), np.linspace(0, 255, size[1]))
    return Image.fromarray(np.stack([x, y, 255 - x], axis=-1).astype(np.uint8))


def test_a_image_is_cropped_at_its_centre() -> None:
    found = to_square(gradient((48, 16)), 16, 3)
    np.testing.assert_array_equal(found, np.asarray(gradient((48, 16)))[:, 16:32])


def test_shrinking_is_anti_aliased() -> None:
    board = Image.fromarray((np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8))
    assert abs(to_square(board, 8, 1).astype(int) - 127).max() <= 1


def test_16_bit_grey_is_scaled_and_not_clipped() -> None:
    deep = Image.fromarray(np.arange(256, dtype=np.uint16).reshape(16, 16) * 257)
    np.testing.assert_array_equal(to_square(deep, 16, 1)[..., 0], np.arange(256).reshape(16, 16))


def test_cmyk_and_palette_give_the_rgb_they_show() -> None:
    image = Image.new("RGB", (8, 8), (200, 30, 60))
    for mode in ("CMYK", "P"):
        found = to_square(image.convert(mode, palette=Image.Palette.ADAPTIVE), 8, 3).astype(int)
        assert abs(found - (200, 30, 60)).max() <= 6, mode


def test_alpha_is_laid_on_the_stated_colour() -> None:
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    half = Image.new("LA", (8, 8), (0, 128))
    assert (to_square(clear, 8, 3, "#102030") == (0x10, 0x20, 0x30)).all()
    assert abs(to_square(half, 8, 1, "white").astype(int) - 127).max() <= 1
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([255, 0, 0])
    palette.info["transparency"] = 0
    assert (to_square(palette, 8, 3, "blue") == (0, 0, 255)).all()


def test_exif_rotation_is_obeyed(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn 90 degrees clockwise to see it upright
    gradient((16, 16)).save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as image:
        found = to_square(image, 16, 3)
    np.testing.assert_array_equal(found, np.rot90(np.asarray(gradient((16, 16))), k=-1))


def test_mnists_28_is_padded_to_32() -> None:
    found = to_square(Image.new("L", (28, 28), 255), 32, 1)[..., 0]
    assert found.sum() == 255 * 28 * 28 and (found[:2] == 0).all() and (found[:, -2:] == 0).all()


def test_every_lower_resolution_is_the_float_mean_of_the_one_above(tmp_path: Path) -> None:
    source = DollSource(source="dolls", root=Path("x"), count=5, resolution=16)
    prepare(source, tmp_path / "store", quiet, workers=1)
    store = Store(tmp_path / "store")
    exact = store.images(16).astype(np.float64)
    for resolution in (8, 4):
        exact = exact.reshape(5, resolution, 2, resolution, 2, 3).mean(axis=(2, 4))
        np.testing.assert_array_equal(store.images(resolution), np.rint(exact).astype(np.uint8))
    assert resolutions_of(16) == [16, 8, 4] == store.manifest.resolutions


def test_the_store_does_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    source = DollSource(source="dolls", root=Path("x"), count=130, resolution=16)
    for workers in (1, 2):
        prepare(source, tmp_path / str(workers), quiet, workers)
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / str(w)).iterdir()} for w in (1, 2))
    assert one == two
    record = json.loads(one["records.jsonl"].splitlines()[0])
    assert {"attributes", "sentence"} == set(record) and "maps-16.npy" in one


def test_folders_are_classes_and_odd_files_are_left_out_with_a_word(tmp_path: Path) -> None:
    for name in ("cats/a.png", "cats/b.jpg", "dogs/c.webp"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        gradient((20, 12)).save(tmp_path / "in" / name)
    (tmp_path / "in/notes.txt").write_text("hello")
    notes = prepare(folder(tmp_path / "in"), tmp_path / "store", quiet, workers=1)
    store = Store(tmp_path / "store")
    assert store.manifest.classes == ["cats", "dogs"] and store.labels().tolist() == [0, 0, 1]
    assert store.manifest.channels == 3 and "left out 1 files that are no images (1 x .txt)" in notes[0]


def test_grey_folders_stay_grey(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    gradient((9, 9)).convert("L").save(tmp_path / "in/a.png")
    prepare(folder(tmp_path / "in"), tmp_path / "store", quiet, workers=1)
    assert Store(tmp_path / "store").images(8).shape == (1, 8, 8, 1)


def test_damaged_images_are_named_and_too_many_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for i in range(9):
        gradient((20, 20)).save(tmp_path / f"in/{i}.png")
    whole = (tmp_path / "in/3.png").read_bytes()
    (tmp_path / "in/3.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "in/5.png").write_bytes(b"not an image")
    with pytest.raises(InputError, match=r"2 of 9 images in .* are damaged.*(\n.*)*3\.png.*(\n.*)*5\.png"):
        prepare(folder(tmp_path / "in"), tmp_path / "store", quiet, workers=1)
    assert not (tmp_path / "store").exists()
    notes = prepare(folder(tmp_path / "in", damaged=0.5), tmp_path / "store", quiet, workers=1)
    store = Store(tmp_path / "store")
    assert store.manifest.count == 7 and store.manifest.damaged == ["3.png", "5.png"] and "3.png" in notes[0]
    expected = to_square(gradient((20, 20)), 8, 3)
    assert all((image == expected).all() for image in store.images(8))
    assert len((tmp_path / "store/records.jsonl").read_text().splitlines()) == 7


def test_a_failed_preparation_leaves_the_old_store(tmp_path: Path) -> None:
    source = DollSource(source="dolls", root=Path("x"), count=4, resolution=8)
    prepare(source, tmp_path / "store", quiet, workers=1)
    before = Store(tmp_path / "store").digest
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_bytes(b"")
    with pytest.raises(InputError, match="none of the 1 images"):
        prepare(folder(tmp_path / "in"), tmp_path / "store", quiet, workers=1)
    assert Store(tmp_path / "store").digest == before
    assert [p.name for p in tmp_path.iterdir() if "partial" in p.name] == []


def test_empty_and_missing_folders_say_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"does not exist; check the dataset's 'root'"):
        folder(tmp_path / "nowhere").listing()
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match="no images in .* it holds 1 files, none with an ending that Pillow reads"):
        folder(tmp_path).listing()


@pytest.mark.parametrize("harm", ["flip", "truncate", "remove", "manifest"])
def test_a_damaged_store_is_known_and_says_how_to_mend_it(tmp_path: Path, harm: str) -> None:
    source = DollSource(source="dolls", root=Path("x"), count=4, resolution=8)
    prepare(source, tmp_path / "dolls", quiet, workers=1)
    array, manifest = tmp_path / "dolls/images-8.npy", tmp_path / "dolls/manifest.json"
    content = bytearray(array.read_bytes())
    if harm == "flip":
        content[-1] ^= 1
        array.write_bytes(content)
    elif harm == "truncate":
        array.write_bytes(content[:-9])
    elif harm == "remove":
        array.unlink()
    else:
        manifest.write_text(manifest.read_text()[:40])
    with pytest.raises(InputError, match=r"(?s)is damaged.*dvc repro -f dataset@dolls"):
        Store(tmp_path / "dolls").verify(8)


def test_a_store_says_which_resolutions_it_has(tmp_path: Path) -> None:
    prepare(DollSource(source="dolls", root=Path("x"), count=2, resolution=8), tmp_path / "s", quiet, workers=1)
    with pytest.raises(InputError, match="no 16x16 images .it has 4, 8.; raise its 'resolution'"):
        Store(tmp_path / "s").images(16)


def test_real_fashion_mnist_is_read_padded_and_labelled(real_data: Path, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    shutil.copytree(real_data / "FashionMNIST", tmp_path / "root/FashionMNIST")
    source = TorchvisionSource(
        source="torchvision", name="FashionMNIST", root=tmp_path / "root", resolution=32, options=(("train", False),)
    )
    listing = source.listing()
    assert len(listing.names) == 10_000 and listing.channels == 1 and listing.classes[9] == "Ankle boot"
    raw = (real_data / "FashionMNIST/raw/t10k-images-idx3-ubyte").read_bytes()[16 : 16 + 784]
    image = source.example(listing, 0)
    np.testing.assert_array_equal(image.image[2:-2, 2:-2, 0], np.frombuffer(raw, np.uint8).reshape(28, 28))
    assert image.label == (real_data / "FashionMNIST/raw/t10k-labels-idx1-ubyte").read_bytes()[8]


def test_each_image_of_torchvision_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Asked(list[tuple[Image.Image, int]]):
        asked = 0

        def __getitem__(self, index: Any) -> Any:
            self.asked += 1
            return super().__getitem__(index)

    dataset = Asked([(gradient((28, 28)), 7), (gradient((28, 20)), 3)])
    monkeypatch.setattr("espalier.data.sources.torchvision._open", lambda source: dataset)
    source = TorchvisionSource(source="torchvision", name="MNIST", root=tmp_path, resolution=32)
    listing = source.listing()
    dataset.asked = 0
    examples = [source.example(listing, index) for index in range(2)]
    assert [example.label for example in examples] == [7, 3] and dataset.asked == 2
    np.testing.assert_array_equal(examples[1].image, to_square(gradient((28, 20)), 32, listing.channels))


def test_a_dataset_that_cannot_be_had_says_where_to_put_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torchvision

    def offline(*_: object, **__: object) -> None:
        raise RuntimeError("no network")

    monkeypatch.setattr(torchvision.datasets.MNIST, "download", offline)
    source = TorchvisionSource(source="torchvision", name="MNIST", root=tmp_path, resolution=32)
    with pytest.raises(InputError, match=r"does not hold torchvision's MNIST, and downloading it failed: no network"):
        source.listing()
