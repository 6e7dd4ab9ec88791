"""Damage is noticed at every door: whatever bit flips, whatever is cut or added, nothing that differs is read."""

from pathlib import Path

import pytest

from benchmarks.faults.mutations import accepted, doors
from espalier.data.errors import InputError
from espalier.data.sealed import read_record
from espalier.stages.artifacts.checkpoint import read_checkpoint
from espalier.stages.artifacts.workfolder import checkpoints_in
from tests.stages.conftest import MakeTrainer
from tests.training import published, run


def test_nothing_that_differs_is_read(tmp_path: Path) -> None:
    names = []
    for door in doors(tmp_path):
        tried, read = accepted(door)
        assert tried > 100 and not read
        names.append(door.name)
        if door.name == "dataset":
            assert {"manifest.json", "labels.npy", "records.jsonl"} <= {file.name for file in door.files}
    assert len(names) == 6


def test_the_record_seals_every_file(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    published(run(make_trainer({"kimg": 0.4})), tmp_path / "r4")
    record = read_record(tmp_path / "r4/stage.json")
    written = {p.relative_to(tmp_path / "r4").as_posix() for p in (tmp_path / "r4").rglob("*") if p.is_file()}
    assert set(record["digests"]) == written - {"stage.json"}


def test_a_checkpoint_under_the_name_of_another(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    run(make_trainer({"kimg": 0.4}))
    path = checkpoints_in(tmp_path / "work")[0][1]
    other = path.rename(path.with_name("step-00000005-0123456789abcdef.pt"))
    with pytest.raises(InputError, match="does not match the digest in its name"):
        read_checkpoint(other)
