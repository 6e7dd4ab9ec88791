"""The sentence encoder as a stage: it learns what sentences say, twice to the same bits, and refuses in words."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from ruamel.yaml import YAML

from benchmarks.mixtures import Mixture
from espalier.data.errors import InputError
from espalier.data.prepare import prepare
from espalier.data.sources.dolls import DollSource
from espalier.stages.fashiongan.text import LONGEST, load_text
from tests.training import run_stage

CPU = torch.device("cpu")
DOLLS = Path(__file__).parents[2] / "data" / "dolls"
OPTIONS: dict[str, Any] = {
    "dataset": "dolls", "test": "dolls_test", "attributes": ["garment", "upper_color"], "epochs": 25, "width": 48,
}  # fmt: skip


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dolls to learn from, and others."""
    folder = tmp_path_factory.mktemp("stores")
    for name, count, seed in (("dolls", 1200, 0), ("dolls_test", 200, 1)):
        source = DollSource(source="dolls", root=DOLLS, count=count, seed=seed, resolution=4)
        prepare(source, folder / name, lambda done, total: None, workers=1)
    return folder


@pytest.fixture
def folder(stores: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A project's folder with both, and its params.yaml."""
    for name in ("dolls", "dolls_test"):
        (tmp_path / name).symlink_to(stores / name)
    monkeypatch.chdir(tmp_path)
    write(OPTIONS)
    return tmp_path


def write(options: dict[str, Any]) -> None:
    YAML().dump({"texts": {"dolls": options}}, Path("params.yaml"))


def test_an_encoder_learns_what_sentences_say_to_the_same_bits_each_time(folder: Path) -> None:
    run_stage("text", "dolls")
    out = folder / "artifacts" / "texts" / "dolls"
    weights = (out / "encoder.safetensors").read_bytes()
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["accuracy_garment"] > 0.9 > 3 * metrics["commonest_garment"]
    assert metrics["accuracy"] == (metrics["accuracy_garment"] + metrics["accuracy_upper_color"]) / 2
    torch.rand(3)  # what was drawn before does not matter
    run_stage("text", "dolls")
    assert (out / "encoder.safetensors").read_bytes() == weights

    text = load_text(out, CPU)
    assert text.read("A woman wearing a turquoise dress")["garment"] == "dress"
    assert text.unknown("A woman wearing a turquoise dress") == ["turquoise"]
    one, other = "A sweater!", "the man wears a plain red t-shirt and black trousers, with a cap"
    together = text.encode([one, other])
    assert together.shape == (2, 48) and together.abs().max() <= 1
    torch.testing.assert_close(together[0], text.encode([one.lower()])[0])


def test_a_sentence_that_says_nothing_is_refused(folder: Path) -> None:
    write({**OPTIONS, "epochs": 1})
    run_stage("text", "dolls")
    text = load_text(Path("artifacts/texts/dolls"), CPU)
    for sentence, expected in (
        ("", "has no words; use 'a red dress"),
        (" 12 ... ", "has no words"),
        ("zzz qqq", "no word of the sentence 'zzz qqq' is known; the vocabulary covers: a, "),
        ("red " * (LONGEST + 1), f"has {LONGEST + 1} words; use at most {LONGEST}"),
    ):
        with pytest.raises(InputError, match=expected):
            text.encode([sentence])
    weights = Path("artifacts/texts/dolls/encoder.safetensors")
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(InputError, match="cannot be read.*Train it again"):
        load_text(Path("artifacts/texts/dolls"), CPU)
    with pytest.raises(InputError, match="no sentence encoder at nowhere; train it first"):
        load_text(Path("nowhere"), CPU)


def test_what_cannot_be_is_refused_in_words(folder: Path) -> None:
    points = Mixture(source="mixtures.Mixture", root=Path(), shape="ring", count=10)
    prepare(points, folder / "ring", lambda done, total: None, workers=1)
    for changes, expected in (
        ({"epoch": 3}, "texts.dolls.epoch: unknown key; did you mean 'epochs'"),
        ({"width": 0}, "texts.dolls.width: Input should be greater than or equal to 1"),
        ({"dataset": "missing"}, "there is no prepared dataset at missing"),
        ({"dataset": "ring"}, "the dataset ring has no sentences"),
        ({"attributes": ["garment", "mood"]}, "image 0 has no attribute 'mood'; it has: background, "),
    ):
        write({**OPTIONS, **changes})
        with pytest.raises(InputError, match=expected):
            run_stage("text", "dolls")
    with pytest.raises(InputError, match="has no text 'doll'; did you mean 'dolls'"):
        run_stage("text", "doll")
