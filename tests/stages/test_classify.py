"""The digit classifier: a stage that can be run twice to the same bits, and refuses in words."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from ruamel.yaml import YAML

from espalier.data.errors import InputError
from espalier.data.prepare import prepare
from espalier.data.sources.dolls import DollSource
from espalier.data.sources.stacked_mnist import StackedMnistSource
from espalier.stages.evaluation.classifier import load_classifier
from tests.training import run_stage

CPU = torch.device("cpu")
OPTIONS: dict[str, Any] = {"dataset": "stacked", "test": "stacked_test", "resolution": 8, "epochs": 6}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, real_data: Path) -> Path:
    """A project's folder with a few stacked digits and its params.yaml."""
    for name, count, split in (("stacked", 1500, "train"), ("stacked_test", 200, "test")):
        source = StackedMnistSource(source="stacked_mnist", root=real_data, count=count, split=split)  # type: ignore[arg-type]
        prepare(source, tmp_path / name, lambda done, total: None, workers=1)
    monkeypatch.chdir(tmp_path)
    write(tmp_path, OPTIONS)
    return tmp_path


def write(folder: Path, options: dict[str, Any]) -> None:
    YAML().dump({"classifiers": {"digits": options}}, folder / "params.yaml")


def test_a_classifier_learns_digits_it_has_not_seen_to_the_same_bits_each_time(folder: Path) -> None:
    run_stage("classifier", "digits")
    out = folder / "artifacts" / "classifiers" / "digits"
    first = (out / "classifier.safetensors").read_bytes()
    assert json.loads((out / "metrics.json").read_text())["test_accuracy"] > 0.7
    record = json.loads((out / "stage.json").read_text())
    assert record["config"]["epochs"] == 6 and set(record["digests"]) == {"dataset", "test"}
    torch.rand(3)  # what was drawn before does not matter
    run_stage("classifier", "digits")
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
        ({"epochs": 0}, "classifiers.digits.epochs: Input should be greater than or equal to 1"),
        ({"epoch": 3}, "classifiers.digits.epoch: unknown key; did you mean 'epochs'"),
        ({"dataset": "missing"}, "there is no prepared dataset at missing"),
    ):
        write(folder, {**OPTIONS, **changes})
        with pytest.raises(InputError, match=expected):
            run_stage("classifier", "digits")
    dolls = DollSource(source="dolls", root=Path("data/dolls"), count=8, resolution=8)
    prepare(dolls, folder / "dolls", lambda done, total: None, workers=1)
    write(folder, {**OPTIONS, "dataset": "dolls"})
    with pytest.raises(InputError, match="is not stacked MNIST"):
        run_stage("classifier", "digits")
    with pytest.raises(InputError, match="has no classifier 'digit'; did you mean 'digits'"):
        run_stage("classifier", "digit")
