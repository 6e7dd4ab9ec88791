"""A network of the user's own: one file, named by its dotted path."""

from pathlib import Path

import pytest

from espalier.data.errors import InputError
from espalier.data.store import Store
from espalier.pipelines.commands.status import State
from espalier.pipelines.report.chain import StageFacts
from espalier.pipelines.report.networks import makes
from espalier.pipelines.run.dag import Node
from espalier.stages.artifacts.artifact import load_generator
from espalier.stages.config.code import stage_code
from espalier.stages.config.load import stage_config
from tests.conftest import TINY
from tests.training import CPU, new_trainer, published, resumed, run

MODULE = """
from typing import Any

import torch
from torch import Tensor, nn

from espalier.stages.networks.network import NetworkOptions


class Generator(nn.Module):
    def __init__(self, latent: int, side: int, channels: int) -> None:
        super().__init__()
        self.latent, self.shape = latent, (channels, side, side)
        self.dense = nn.Linear(latent, channels * side * side)

    def forward(self, z: Tensor, condition: Any = None) -> Tensor:
        return torch.tanh(self.dense(z)).view(-1, *self.shape)


class Discriminator(nn.Module):
    def __init__(self, side: int, channels: int) -> None:
        super().__init__()
        self.dense = nn.Linear(channels * side * side, 1)

    def forward(self, x: Tensor, features: list[Tensor] | None = None, condition: Any = None) -> Tensor:
        if features is not None:
            features.append(x.flatten(1))
        return self.dense(x.flatten(1)).flatten()


class Flat(NetworkOptions):
    name: str = "my_flat.Flat"
    latent: int = 4
    generator_class = Generator
    discriminator_class = Discriminator

    def arguments(self, resolution: int, channels: int) -> dict[str, dict[str, Any]]:
        size = {"side": resolution, "channels": channels}
        return {"generator": {"latent": self.latent, **size}, "discriminator": size}

    def feature_count(self, resolution: int) -> int:
        return 1
"""


def test_the_report_knows_what_it_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_flat.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)

    def of(name: str) -> str:
        record = {"config": {"network": {"name": name}}}
        return makes(StageFacts(Node("p@s", (), (tmp_path,)), State("p@s", "up to date", "", {}), record))

    found = [of(name) for name in ("my_flat.Flat", "progan", "fashion_shape", "mlp", "my_flat.Gone", "gone")]
    assert found == ["images", "images", "maps", "points", "", ""]


def test_it_trains_resumes_and_is_sampled_from(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_flat.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    stage = {
        "resolution": 8,
        "kimg": 0.2,
        "network": {"name": "my_flat.Flat", "latent": 6},
        "tricks": {"loss": "hinge", "r1": {}},
    }
    common = {"dataset": "artifacts/datasets/dolls", "batch_size": 8}
    params = {**TINY, "mine": {"common": common, "stages": {"s": stage}}}
    config = stage_config(params, "mine", "s")
    (tmp_path / "work").mkdir()
    trainer = new_trainer(config, store, None, tmp_path / "work")
    assert resumed(trainer) is None
    run(trainer)
    again = new_trainer(config, store, None, tmp_path / "work")
    assert "continuing at step 25" in (resumed(again) or "") and again.step == trainer.step == 25
    published(again, tmp_path / "artifact")
    generator, record = load_generator(tmp_path / "artifact", CPU)
    assert generator.latent == 6 and record.config["network"]["name"] == "my_flat.Flat"
    assert " my_flat" in stage_code(params, "mine", "s"), "an edit of the file trains again"
    stage["tricks"]["self_attention"] = {"generator": [8]}
    with pytest.raises(InputError, match="self_attention cannot be used in network my_flat.Flat"):
        stage_config(params, "mine", "s")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no_such.Net", "the network 'no_such.Net' cannot be imported: No module named 'no_such'"),
        ("pathlib.Path", "'pathlib.Path' is not a network"),
        ("dcgam", "there is no network 'dcgam'; did you mean 'dcgan'"),
    ],
)
def test_what_is_none_is_refused_in_words(name: str, words: str) -> None:
    stage = {"resolution": 8, "kimg": 1, "network": name, "tricks": {"loss": "hinge"}}
    params = {**TINY, "mine": {"common": {"dataset": "artifacts/datasets/dolls"}, "stages": {"s": stage}}}
    with pytest.raises(InputError, match=words):
        stage_config(params, "mine", "s")
