"""A disk that is full, read-only or failing, in the words of each library that writes: one sentence, with the place."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from espalier.stages.process.exits import disk_trouble, run
from tests.pipelines.test_cli import small_disk  # noqa: F401  (a fixture)

MANY = torch.randn(1 << 21)


def draw(file: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(20, 20))
    figure.subplots().imshow(np.random.default_rng(0).random((2000, 2000)), interpolation="nearest")
    figure.savefig(file, format="png", dpi=200)


WRITERS: dict[str, Callable[[Path], object]] = {
    "safetensors": lambda file: safetensors.torch.save_file({"x": MANY}, file),
    "torch": lambda file: torch.save({"x": MANY}, file),
    "numpy": lambda file: np.save(file, MANY.numpy()),
    "pillow": lambda file: Image.effect_noise((3000, 3000), 90).save(file, format="PNG"),
    "matplotlib": draw,
    "python": lambda file: file.write_bytes(bytes(1 << 23)),
}


@pytest.mark.parametrize("library", WRITERS)
def test_a_full_disk_is_one_sentence_whoever_writes(
    library: str,
    small_disk: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(small_disk)

    def main() -> None:
        WRITERS[library](small_disk / "x.npy")

    assert run(main) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: the disk is full (") and "MiB free" in said and said.count("\n") == 1, said


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EDQUOT, "quota is used up"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "permissions forbid it"),
        (errno.EIO, "input/output error"),
    ],
)
def test_other_failures_of_a_disk_are_sentences_too(number: int, words: str, tmp_path: Path) -> None:
    plain = OSError(number, os.strerror(number), str(tmp_path / "x"))
    wrapped = safetensors.SafetensorError(
        f"Error while serializing: I/O error: {os.strerror(number)} (os error {number})"
    )
    try:
        raise RuntimeError("a library's own words") from plain
    except RuntimeError as error:
        chained = error
    for error in (plain, wrapped, chained):
        assert words in (disk_trouble(error) or ""), error
    assert str(tmp_path / "x") in (disk_trouble(plain) or "")


@pytest.mark.parametrize(
    "error", [ValueError("no"), RuntimeError("CUDA error: out of memory"), FileNotFoundError(2, "none", "x")]
)
def test_other_errors_are_not_taken_for_the_disks(error: Exception) -> None:
    assert disk_trouble(error) is None
