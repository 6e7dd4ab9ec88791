"""An artifact or a checkpoint of a stranger imports nothing that this project's params.yaml does not name."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from espalier.data.sealed import read_record, write_record
from espalier.stages.artifacts.torch_file import read_torch_file, write_torch_file
from tests.conftest import Project

EVIL = """\
from pathlib import Path
Path("it-ran").touch()
from espalier.stages.tricks.drift import Drift as Trick
def network(): pass
"""
PLACES: dict[str, dict[str, Any]] = {
    "trick": {"tricks": {"loss": "wgan", "evil.Trick": {}}},
    "network": {"network": {"name": "evil.Network"}},
    "component": {"components": {"evil.Component": {}}},
    "function": {"tricks": {"loss": "wgan", "perceptual": {"network": "evil.network"}}},
    "module of Python's": {"tricks": {"loss": "wgan", "perceptual": {"network": "antigravity.geohash"}}},
}


@pytest.fixture
def stranger(copy_of_trained: Project) -> Project:
    (copy_of_trained.root / "evil.py").write_text(EVIL)
    return copy_of_trained


def forge(artifact: Path, **changes: Any) -> None:
    """Give an artifact another configuration, sealed as if it were so published."""
    record = read_record(artifact / "stage.json")
    record["config"] = {**record["config"], **changes}
    write_record(artifact / "stage.json", {key: value for key, value in record.items() if key != "seal"})


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("command", ["sample", "evaluate"])
def test_a_module_that_params_does_not_name_is_not_imported(stranger: Project, place: str, command: str) -> None:
    forge(stranger.root / "artifacts/progan/r4", **PLACES[place])
    output = stranger.look(command, "artifacts/progan/r4", "-n", "65", ok=False)
    assert stranger.code == 2 and "which params.yaml does not name" in output and "--trust" in output, output
    assert not (stranger.root / "it-ran").exists()


def test_it_is_if_trusted_or_named(stranger: Project) -> None:
    forge(stranger.root / "artifacts/progan/r4", **PLACES["trick"])
    stranger.espalier("sample", "progan@r4", "-n", "4", "--trust", "-o", "a.png")
    assert (stranger.root / "it-ran").exists() and (stranger.root / "a.png").is_file()
    (stranger.root / "it-ran").unlink()
    stranger.set("progan.common.tricks", {"loss": "wgan", "evil.Trick": {}})
    stranger.espalier("sample", "progan@r4", "-n", "4", "-o", "b.png")
    assert (stranger.root / "it-ran").exists() and stranger.bytes("a.png") == stranger.bytes("b.png")


def test_a_checkpoint_is_no_better(stranger: Project, tmp_path: Path) -> None:
    checkpoint = sorted((stranger.root / ".work").glob("progan@r4/*/step-*.pt"))[-1]
    content, _ = read_torch_file(checkpoint)
    content["record"]["config"] |= PLACES["trick"]
    shutil.copy(stranger.root / "evil.py", tmp_path)
    write_torch_file(tmp_path / "theirs.pt", content)
    elsewhere = Project(tmp_path)
    output = elsewhere.espalier("sample", "theirs.pt", "-n", "4", ok=False)
    assert elsewhere.code == 2 and "theirs.pt would import 'evil.Trick'" in output, output
    assert not (tmp_path / "it-ran").exists()
    assert json.dumps(content["record"]["config"]["tricks"]).count("evil.Trick") == 1
