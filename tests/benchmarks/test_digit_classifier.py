"""The digit classifier: a stage that can be run twice to the same bits, and refuses in words."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from ruamel.yaml import YAML
from torch import Tensor, nn

from benchmarks.digit_classifier import load_classifier, single_digits, stacked_metrics
from benchmarks.digits import StackedMnist
from espalier.data.errors import InputError
from espalier.data.prepare import prepare
from espalier.data.sources.dolls import DollSource
from tests.training import run_stage

CPU = torch.device("cpu")
OPTIONS: dict[str, Any] = {"dataset": "stacked", "test": "stacked_test", "resolution": 8, "epochs": 6}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, real_data: Path) -> Path:
    """A project's folder with a few stacked digits and its params.yaml."""
    for name, count, split in (("stacked", 1500, "train"), ("stacked_test", 200, "test")):
        source = StackedMnist(source="digits.StackedMnist", root=real_data, count=count, split=split)  # type: ignore[arg-type]
        prepare(source, tmp_path / name, lambda done, total: None, workers=1)
    monkeypatch.chdir(tmp_path)
    write(tmp_path, OPTIONS)
    return tmp_path


def write(folder: Path, options: dict[str, Any]) -> None:
    common = {
        "type": "benchmarks.digit_classifier.TrainClassifier",
        "dataset": options["dataset"],
        "after": options["dataset"],
    }
    classifiers = {"common": common, "stages": {"digits": options}}
    YAML().dump({"classifiers": classifiers}, folder / "params.yaml")


def test_a_classifier_learns_digits_it_has_not_seen_to_the_same_bits_each_time(folder: Path) -> None:
    run_stage("classifiers", "digits")
    out = folder / "artifacts" / "classifiers" / "digits"
    first = (out / "classifier.safetensors").read_bytes()
    assert json.loads((out / "metrics.json").read_text())["test_accuracy"] > 0.7
    record = json.loads((out / "stage.json").read_text())
    assert record["config"]["epochs"] == 6 and set(record["inputs"]) == {"dataset", "test"}
    torch.rand(3)  # what was drawn before does not matter
    run_stage("classifiers", "digits")
    assert (out / "classifier.safetensors").read_bytes() == first
    assert load_classifier(out, 8, CPU)(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    with pytest.raises(InputError, match="is for digits of 8x8, this stage makes 32x32"):
        load_classifier(out, 32, CPU)
    (out / "classifier.safetensors").write_bytes(first[: len(first) // 2])
    with pytest.raises(InputError, match="cannot be read.*Train it again"):
        load_classifier(out, 8, CPU)


def test_what_cannot_be_is_refused_in_words(folder: Path) -> None:
    with pytest.raises(InputError, match="no classifier at nowhere; train it first"):
        load_classifier(Path("nowhere"), 8, CPU)
    for changes, expected in (
        ({"epochs": 0}, "classifiers.stages.digits.epochs: Input should be greater than or equal to 1"),
        ({"epoch": 3}, "classifiers.stages.digits.epoch: unknown key; did you mean 'epochs'"),
        ({"dataset": "missing"}, "there is no prepared dataset at missing"),
    ):
        write(folder, {**OPTIONS, **changes})
        with pytest.raises(InputError, match=expected):
            run_stage("classifiers", "digits")
    dolls = DollSource(source="dolls", root=Path("data/dolls"), count=8, resolution=8)
    prepare(dolls, folder / "dolls", lambda done, total: None, workers=1)
    write(folder, {**OPTIONS, "dataset": "dolls"})
    with pytest.raises(InputError, match="is not stacked MNIST"):
        run_stage("classifiers", "digits")
    with pytest.raises(InputError, match="digit'; did you mean 'digits'"):
        run_stage("classifiers", "digit")


class ReadsTheDigit(nn.Module):
    """A classifier that finds the digit in the top left pixel."""

    def forward(self, x: Tensor) -> Tensor:
        digit = ((x[:, 0, 0, 0] + 1) * 127.5).round().long()
        return nn.functional.one_hot(digit, 10).float()


def test_stacked_modes_are_counted_over_all_samples() -> None:
    modes = torch.tensor([0, 7, 7, 123, 999])
    images = torch.zeros(5, 3, 4, 4, dtype=torch.uint8)
    images[:, :, 0, 0] = torch.stack([modes // 100, modes // 10 % 10, modes % 10], 1).to(torch.uint8)
    found = stacked_metrics(images, ReadsTheDigit(), torch.device("cpu"), batch=2)
    assert found.modes == 4
    shares = [1 / 5, 2 / 5, 1 / 5, 1 / 5]
    assert found.kl == pytest.approx(sum(p * math.log(p * 1000) for p in shares))
    digits, classes = single_digits(images.float(), modes)
    assert digits.shape == (15, 1, 4, 4) and torch.equal(digits[:, 0, 0, 0].long(), classes)
