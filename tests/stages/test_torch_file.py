"""Checkpoint files: the same content gives the same bytes, however it came about."""

from pathlib import Path

import torch

from espalier.stages.artifacts.torch_file import read_torch_file, write_torch_file
from espalier.stages.artifacts.workfolder import checkpoints_in
from tests.stages.conftest import MakeTrainer
from tests.training import run


def test_the_bytes_depend_on_the_content_alone(tmp_path: Path) -> None:
    whole, name, other = torch.arange(8.0), "".join(["past", " players"]), "".join(["past", " players"])
    turned = whole.view(2, 4).t()
    shared = {"a": whole[:4], "b": whole[4:], "c": turned, "d": whole, "names": [name, name], "n": [(1.5, None)]}
    apart = {"a": whole[:4].clone(), "b": whole[4:].clone(), "c": turned.clone(), "d": whole.clone()}
    apart |= {"names": [name, other], "n": [(1.5, None)]}
    assert write_torch_file(tmp_path / "shared", shared) == write_torch_file(tmp_path / "apart", apart)
    content, digest = read_torch_file(tmp_path / "shared")
    assert write_torch_file(tmp_path / "again", content) == digest
    assert torch.equal(content["c"], turned) and content["c"].stride() == (1, 4) and content["names"] == [name, name]


def test_a_resumed_training_writes_the_same_checkpoints(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    tricks = {
        "loss": "nonsaturating",
        "replay": {"size": 8},
        "past_players": {"every": 3, "share": 0.4},
        "historical_averaging": {},
    }
    changes = {"tricks": tricks, "milestone_kimg": 1, "kimg": 1.6}
    run(make_trainer(changes, folder="whole"))
    run(make_trainer(changes, folder="cut"), until=40)
    run(make_trainer(changes, folder="cut"), until=130)
    run(make_trainer(changes, folder="cut"))
    assert {name.name for _, name in checkpoints_in(tmp_path / "whole")} & {
        p.name for _, p in checkpoints_in(tmp_path / "cut")
    }
    whole, cut = (
        {p.name: p.read_bytes() for p in (tmp_path / f"{folder}/milestones").rglob("*") if p.is_file()}
        for folder in ("whole", "cut")
    )
    assert whole and whole == cut
