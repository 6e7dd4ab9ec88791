"""What is written whole is also on the disk: the file, and every name that leads to it."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from espalier.data import sealed, verified
from espalier.data.files import whole_file, whole_folder, write_json
from espalier.data.sealed import Damaged, check_file, digests_in
from espalier.stages.artifacts import checkpoint as checkpoints
from espalier.stages.artifacts.checkpoint import write_checkpoint
from espalier.stages.artifacts.record import FORMAT, Input, Record

RECORD = Record(
    format=FORMAT, config={}, channels=3, step=5, images=5, before=4, dataset=Input(path="x", digest="x"), parent=None,
    code="x", versions={}, outcome="",
)  # fmt: skip


def write_file(root: Path) -> None:
    with whole_file(root / "new/deep/file") as partial:
        partial.write_text("x")


def write_folder(root: Path) -> None:
    with whole_folder(root / "new/folder") as partial:
        (partial / "samples").mkdir()
        (partial / "samples/one").write_text("x")


def write_a_checkpoint(root: Path) -> None:
    write_checkpoint(root / "new/work", RECORD, {"network": nn.Linear(2, 2)})


WRITERS: list[Callable[[Path], None]] = [write_file, write_folder, write_a_checkpoint]


@pytest.mark.parametrize("write", WRITERS)
def test_every_name_and_content_is_synced_after_its_last_change(
    write: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state that a power cut would leave: what was synced last, of each file and each folder's names."""
    seen: dict[str, object] = {}

    def state(path: Path) -> object:
        return sorted(p.name for p in path.iterdir()) if path.is_dir() else path.read_bytes()

    def fsync(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").resolve()
        seen[str(path.stat().st_ino)] = state(path)

    monkeypatch.setattr(os, "fsync", fsync)
    write(tmp_path)
    for path in (tmp_path, *tmp_path.rglob("*")):
        assert seen.get(str(path.stat().st_ino)) == state(path), path


def test_json_has_no_value_that_json_does_not_know(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"a": [float("nan"), 1.5], "b": {"c": float("-inf")}, "d": (float("inf"),)})
    assert (tmp_path / "x.json").read_text().split() == [
        "{",
        '"a":',
        "[",
        "null,",
        "1.5",
        "],",
        '"b":',
        "{",
        '"c":',
        "null",
        "},",
        '"d":',
        "[",
        "null",
        "]",
        "}",
    ]


def test_old_checkpoints_go_only_when_the_new_one_is_there(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        write_checkpoint(tmp_path, RECORD.model_copy(update={"step": step}), {"network": nn.Linear(2, 2)})
    assert sorted(p.name[:13] for p in tmp_path.glob("*.pt")) == ["step-00000002", "step-00000003"]
    assert torch.load(next(tmp_path.glob("step-00000003*")), weights_only=True)["record"]["step"] == 3
    assert checkpoints.checkpoints_in(tmp_path)[0][0] == 3


def test_a_large_file_is_read_once_for_its_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".dvc").mkdir()
    folder = tmp_path / "artifacts/datasets/mine"
    folder.mkdir(parents=True)
    (folder / "large").write_bytes(bytes(verified.LARGE))
    (folder / "small").write_bytes(b"small")
    digests, read = digests_in(folder), list[str]()
    real = sealed.file_digest
    monkeypatch.setattr(sealed, "file_digest", lambda file: (read.append(file.name), real(file))[1])

    def check(name: str, times: int) -> None:
        read.clear()
        for _ in range(2):
            check_file(folder, name, digests)
        assert len(read) == times, name

    check("large", 2)  # it was written just now, and may be again within the same tick of the clock
    past = time.time() - 60
    os.utime(folder / "large", (past, past))
    check("large", 1)
    check("large", 0)
    check("small", 2)
    with (folder / "large").open("r+b") as file:
        file.write(b"x")
    with pytest.raises(Damaged):
        check_file(folder, "large", digests)
    (folder / "large").unlink()  # another file in its place, with the same size and time
    (folder / "large").write_bytes(b"y" + bytes(verified.LARGE - 1))
    (folder / "other").write_bytes(b"")
    os.utime(folder / "large", (past, past + 1))
    with pytest.raises(Damaged):
        check_file(folder, "large", digests)
