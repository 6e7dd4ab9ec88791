"""FashionGAN's release: images stand upright, keep their sentence and code, and files that are wrong are named."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError
from scipy.io import loadmat, savemat

from espalier.data.errors import InputError
from espalier.data.images import map_to_square, to_square
from espalier.data.prepare import prepare
from espalier.data.sources.fashiongan import FashionganSource
from espalier.data.sources.release import CODES, CONSTRAINTS, G1, G2, INDICES, LANGUAGE
from espalier.data.store import Store
from espalier.stages.config.sections import SOURCES, source_config
from tests.data.made_release import (
    TEST,
    TRAIN,
    N,
    person,
    photo,
    variables,
    write_mat,
    write_mat_7_3,
    write_release,
)


def quiet(done: int, total: int) -> None:
    """No progress."""


def fashiongan(root: Path, **options: object) -> FashionganSource:
    return FashionganSource.model_validate({"source": "fashiongan", "root": root, **options})


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A whole release."""
    return write_release(tmp_path / "data_release")


@pytest.mark.parametrize("write", [write_mat, write_mat_7_3])
@pytest.mark.parametrize(("split", "numbers"), [("train", TRAIN), ("test", TEST)])
def test_a_store_holds_the_split_upright_with_its_words(
    tmp_path: Path, write: Callable[[Path, dict[str, NDArray[Any]]], None], split: str, numbers: list[int]
) -> None:
    root = write_release(tmp_path / "data_release", write)
    prepare(fashiongan(root, split=split), tmp_path / "store", quiet, workers=1)
    store = Store(tmp_path / "store")
    assert store.manifest.count == len(numbers) and store.manifest.code_width == 100
    assert {"codes.npy", "maps-128.npy"} <= set(store.manifest.digests)
    codes, records = store.codes(), store.records()
    assert codes is not None and codes.dtype == np.float32 and codes.shape == (len(numbers), 100)
    for index, number in enumerate(n - 1 for n in numbers):
        np.testing.assert_array_equal(store.images(128)[index], np.rint(photo(number) * 255))
        np.testing.assert_array_equal(store.maps(128)[index], person(number))
        np.testing.assert_array_equal(store.maps(8)[index], person(number)[8::16, 8::16])
        np.testing.assert_allclose(codes[index], number + np.arange(100) / 1000, rtol=1e-6)
        record = records[index]
        assert record["file"] == f"img/Blouse/img_{number:08}.jpg"
        assert record["sentence"] == f"the lady was wearing outfit number {number}."
        assert record["attributes"] == {
            "category": str(number + 1),
            "colour": str(N - number + 5),
            "gender": str(number % 2),
            "sleeve": str(number % 4 + 1),
        }


def test_each_test_image_names_whose_sentence_it_is_told(release: Path) -> None:
    source = fashiongan(release, split="test")
    listing = source.listing()
    records = [source.example(listing, index).record or {} for index in range(4)]
    assert [record.get("donor") for record in records] == [1, 3, None, 0]
    assert [record.get("donor_sentence") for record in records] == [
        *(None, None, "the lady was wearing outfit number 11.", None)
    ]
    for record in records:
        if "donor" in record:
            assert records[record["donor"]]["sentence"].endswith(f" {TEST[record['donor']] - 1}.")
    train = fashiongan(release).example(fashiongan(release).listing(), 0)
    assert not {"donor", "donor_sentence"} & set(train.record or {})


def test_smaller_images_are_those_of_any_other_source(release: Path) -> None:
    options = {"source": "fashiongan", "root": release, "resolution": 32}
    source = source_config({"datasets": {"people": options}}, "people")
    image = source.example(source.listing(), 2)
    upright = np.rint(photo(11) * 255).astype(np.uint8)
    assert np.abs(image.image.astype(int) - to_square(Image.fromarray(upright), 32, 3)).max() <= 1
    np.testing.assert_array_equal(image.map, map_to_square(person(11), 32))


@contextmanager
def changed_h5(path: Path) -> Iterator[dict[str, NDArray[Any]]]:
    """An HDF5 file's arrays to change."""
    with h5py.File(path) as file:
        arrays = {name: file[name][()] for name in file}
    yield arrays
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array


def h5(path: Path, name: str, change: Callable[[NDArray[Any]], NDArray[Any] | None]) -> Callable[[Path], None]:
    """A harm to one array of an HDF5 file; to None takes it away."""

    def harm(root: Path) -> None:
        with changed_h5(root / path) as arrays:
            array = change(arrays.pop(name))
            if array is not None:
                arrays[name] = array

    return harm


def mat(path: Path, name: str, change: Callable[[NDArray[Any]], NDArray[Any] | None]) -> Callable[[Path], None]:
    """The same of a .mat file."""

    def harm(root: Path) -> None:
        values = {key: value for key, value in loadmat(root / path).items() if not key.startswith("__")}
        array = change(values.pop(name))
        savemat(root / path, values if array is None else values | {name: array})

    return harm


def put(array: NDArray[Any], value: float) -> NDArray[Any]:
    """The array with a value in place of its second."""
    array.flat[1] = value
    return array


def everywhere(*harms: Callable[[Path], None]) -> Callable[[Path], None]:
    def harm(root: Path) -> None:
        for one in harms:
            one(root)

    return harm


def transposed(array: NDArray[Any]) -> NDArray[Any]:
    return array.swapaxes(2, 3)


HARMS: list[tuple[Callable[[Path], object], str]] = [
    *(
        (lambda root, path=path: (root / path).unlink(), rf"there is no .*{path}; docs/fashiongan-data\.md says where")
        for path in (G1, G2, INDICES, LANGUAGE, CODES, CONSTRAINTS)
    ),
    *(
        (lambda root, path=path: (root / path).write_bytes(b"x" * 900), rf"{path} cannot be read \(")
        for path in (G1, G2, INDICES, CONSTRAINTS)
    ),
    (h5(G1, "b_", lambda b: None), r"G1\.h5 has no variable 'b_' \(it has none\); docs"),
    (h5(G2, "ih_mean", lambda m: None), r"G2\.h5 has no variable 'ih_mean' \(it has b_, ih\); docs"),
    (mat(INDICES, "test_set_pair_ind", lambda i: None), r"has no variable 'test_set_pair_ind' \(it has test_ind, train_ind\)"),
    (mat(LANGUAGE, "sleeve_", lambda s: None), r"has no variable 'sleeve_' \(it has cate_new, codeJ, color_, engJ, gen"),
    (h5(G1, "b_", lambda b: b[:, 0]), r"G1\.h5: b_ has shape \(12, 128, 128\); expected \(12, 1, 128, 128\)"),
    (h5(G2, "ih", lambda a: np.moveaxis(a, 1, 3)), r"G2\.h5: ih has shape \(12, 128, 128, 3\); expected \(12, 3, 128"),
    (h5(G2, "ih_mean", lambda m: m[:1]), r"G2\.h5: ih_mean has shape \(128, 128\); expected \(3, 128, 128\)"),
    (h5(G2, "ih", lambda a: a[:9]), r"G2\.h5: ih has shape \(9, .*expected \(12, .*as G1\.h5 is of 12 images"),
    (mat(CODES, "hn2", np.transpose), r"hn2 has shape \(100, 12\); expected \(12, 100\), as G1\.h5 is of 12"),
    (mat(LANGUAGE, "engJ", lambda e: e[1:]), r"engJ has shape \(11,\); expected \(12,\), as G1\.h5 is of 12"),
    (mat(CONSTRAINTS, "d", lambda d: d[..., 2:]), r"d has shape \(8, 8, 4, 10\); expected \(8, 8, 4, 12\)"),
    (mat(INDICES, "test_set_pair_ind", lambda i: i[1:]), r"test_set_pair_ind has shape \(3,\); .* as test_ind is"),
    (mat(INDICES, "train_ind", lambda i: i - 1), r"train_ind holds 0; expected numbers from 1 to 12, the images"),
    (mat(INDICES, "test_ind", lambda i: put(i, 13)), r"test_ind holds 13; expected numbers from 1 to 12"),
    (mat(INDICES, "test_ind", lambda i: put(i, 2.5)), r"test_ind holds 2\.5; expected numbers from 1 to 12"),
    (mat(LANGUAGE, "color_", lambda c: put(c, np.nan)), r"color_ holds what is no number; expected whole"),
    (h5(G1, "b_", lambda b: put(b, 7)), r"G1\.h5: b_ has pixels of 7 in image 1 of 12; expected the classes 0"),
    (h5(G2, "b_", lambda b: put(b, 0.5)), r"G2\.h5: b_ has pixels of 0\.5 in image 1 of 12"),
    (h5(G1, "b_", transposed), r"G1\.h5: the orientation of b_ is wrong: .* off by 0\.\d+, with rows and columns exch"),
    (h5(G2, "b_", transposed), r"G2\.h5: the orientation of b_ is wrong"),
    (mat(CONSTRAINTS, "d", lambda d: d.swapaxes(0, 1)), r"G1\.h5: the orientation of b_ is wrong: against d of sr1_8"),
    (everywhere(h5(G2, "ih", lambda a: a * 255), h5(G2, "ih_mean", lambda m: m * 255)), r"ih \+ ih_mean runs from .* to 2"),
]  # fmt: skip


@pytest.mark.parametrize(("harm", "complaint"), HARMS, ids=[complaint[:30] for _, complaint in HARMS])
def test_what_is_wrong_is_named_with_what_would_be_right(
    release: Path, harm: Callable[[Path], object], complaint: str
) -> None:
    harm(release)
    with pytest.raises(InputError, match=complaint):
        fashiongan(release).listing()


def sixfold(root: Path) -> None:
    """Repeat the release's images six times, and take all of them for training."""
    for path in (G1, G2):
        with changed_h5(root / path) as arrays:
            for name in set(arrays) - {"ih_mean"}:
                arrays[name] = np.concatenate([arrays[name]] * 6)
    many = variables()
    many[INDICES]["train_ind"] = np.arange(1.0, 6 * N + 1)[:, None]
    for path, axis in ((LANGUAGE, 0), (CODES, 0), (CONSTRAINTS, -1)):
        many[path] = {name: np.concatenate([array] * 6, axis) for name, array in many[path].items()}
    for path, values in many.items():
        write_mat(root / path, values)


def test_workers_read_the_release_each_for_themselves(release: Path, tmp_path: Path) -> None:
    sixfold(release)
    for workers in (1, 2):
        prepare(fashiongan(release, resolution=8), tmp_path / str(workers), quiet, workers)
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / str(w)).iterdir()} for w in (1, 2))
    assert one == two and "codes.npy" in one and Store(tmp_path / "2").manifest.count == 72


def test_wrong_classes_are_found_outside_the_sample_too(release: Path, tmp_path: Path) -> None:
    sixfold(release)
    with changed_h5(release / G1) as arrays:
        arrays["b_"][70, 0, 5, 6] = 9
    source = fashiongan(release, resolution=8)
    source.listing()
    with pytest.raises(InputError, match=r"b_ has pixels of 9 in image 71 of 72"):
        prepare(source, tmp_path / "store", quiet, workers=2)
    assert not (tmp_path / "store").exists()


def test_variables_are_named_of_matlab_7_3_too(tmp_path: Path) -> None:
    write_release(tmp_path, write_mat_7_3)
    write_mat_7_3(tmp_path / INDICES, {"train_ind": np.ones((3, 1))})
    with pytest.raises(InputError, match=r"ind\.mat has no variable 'test_ind' \(it has train_ind\)"):
        fashiongan(tmp_path).listing()


@pytest.mark.parametrize(
    ("options", "complaint"), [({"resolution": 256}, "less than or equal"), ({"split": "all"}, "'train' or 'test'")]
)
def test_bad_options_are_refused(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        SOURCES["fashiongan"].model_validate({"source": "fashiongan", "root": "x", **options})
