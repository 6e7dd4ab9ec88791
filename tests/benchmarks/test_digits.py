"""Stacked MNIST: the channels are the digits they say they are, and the class is made of theirs."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from benchmarks.digits import FILES, StackedMnist
from espalier.data.errors import InputError
from espalier.data.prepare import prepare
from espalier.data.store import Store


def source(root: Path, **options: object) -> StackedMnist:
    return StackedMnist.model_validate({"source": "digits.StackedMnist", "root": root, **options})


@pytest.fixture(scope="module")
def mnist(real_data: Path) -> Path:
    """torchvision's root that holds the real MNIST."""
    if not all((real_data / "MNIST/raw" / name).is_file() for name in FILES):
        pytest.skip(f"the real MNIST is not in {real_data.name} beside the project")
    return real_data


@pytest.fixture(scope="module")
def digits(mnist: Path) -> NDArray[np.uint8]:
    """MNIST's training digits (60000, 28, 28), read without torchvision."""
    content = (mnist / "MNIST/raw/train-images-idx3-ubyte").read_bytes()
    return np.frombuffer(content, np.uint8, offset=16).reshape(-1, 28, 28)


@pytest.fixture(scope="module")
def classes(mnist: Path) -> NDArray[np.uint8]:
    """Their classes (60000,)."""
    return np.frombuffer((mnist / "MNIST/raw/train-labels-idx1-ubyte").read_bytes(), np.uint8, offset=8)


def test_a_store_holds_the_digits_its_records_name(
    mnist: Path, digits: NDArray[np.uint8], classes: NDArray[np.uint8], tmp_path: Path
) -> None:
    prepare(source(mnist, count=100, seed=1), tmp_path / "stacked", lambda done, total: None, workers=1)
    store = Store(tmp_path / "stacked")
    store.verify(32)
    assert store.manifest.classes == [f"{k:03}" for k in range(1000)] and store.manifest.resolutions == [32, 16, 8, 4]
    records = (tmp_path / "stacked/records.jsonl").read_text().splitlines()
    for image, label, record in zip(store.images(32), store.labels(), records, strict=True):
        chosen = json.loads(record)["digits"]
        for channel in range(3):
            np.testing.assert_array_equal(image[..., channel], np.pad(digits[chosen[channel]], 2))
        assert store.manifest.classes[label] == "".join(str(classes[index]) for index in chosen)


def test_a_image_depends_on_seed_and_index_only(mnist: Path) -> None:
    def image(index: int, **options: object) -> tuple[bytes, int]:
        of = source(mnist, **options)
        found = of.example(of.listing(), index)
        return found.image.tobytes(), found.label

    assert image(7, count=10) == image(7, count=1000)
    assert image(7)[0] != image(8)[0] and image(7)[0] != image(7, seed=1)[0]


def test_the_three_digits_are_drawn_independently_from_all_of_the_training_set(
    mnist: Path, classes: NDArray[np.uint8]
) -> None:
    of = source(mnist)
    listing = of.listing()
    images = [of.example(listing, index) for index in range(4000)]
    chosen = np.array([image.record["digits"] for image in images if image.record])
    assert chosen.min() < 50 and chosen.max() > 60_000 - 50
    told = np.array([image.label for image in images])
    share = np.bincount(classes, minlength=10) / 60_000
    for place in (100, 10, 1):
        found = np.bincount(told // place % 10, minlength=10) / 4000
        np.testing.assert_allclose(found, share, atol=5 * 0.3 / np.sqrt(4000))
    assert np.abs(np.corrcoef(chosen.T)[np.triu_indices(3, 1)]).max() < 5 / np.sqrt(4000)
    assert len(listing.names) == 50_000 and listing.channels == 3


def test_missing_files_are_named_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "MNIST/raw").mkdir(parents=True)
    for name in FILES[:2]:
        (tmp_path / "MNIST/raw" / name).touch()
    expected = r"MNIST/raw lacks t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte; put MNIST's unpacked files there"
    with pytest.raises(InputError, match=expected):
        source(tmp_path).listing()


@pytest.mark.parametrize("content", [b"", b"not a file of digits, though it is long enough for a header"])
def test_damaged_files_are_an_error_for_people(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "MNIST/raw").mkdir(parents=True)
    for name in FILES:
        (tmp_path / "MNIST/raw" / name).write_bytes(content)
    with pytest.raises(InputError, match=r"MNIST in .*raw cannot be read .*put fresh unpacked files there"):
        source(tmp_path).listing()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"count": 0}, "greater than or equal to 1"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"resolution": 64}, "should be 32"),
        ({"shape": "ring"}, "[Ee]xtra inputs"),
    ],
)
def test_bad_options_are_refused(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        StackedMnist.model_validate({"source": "digits.StackedMnist", "root": "x", **options})
