"""A training dies at file-system calls, as a process and by power cuts, and ends in the same bits; mutants do not."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from benchmarks.faults import crash_points
from benchmarks.faults.crash_points import calls_of_a_training, die_and_go_on, enumerate_crashes, make_project
from benchmarks.faults.disk import DIED, WAYS, Disk, Way
from espalier.stages.tricks.past_players import PastPlayers


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # a process with threads must not be forked
    yield
    torch.set_num_threads(before)


@pytest.mark.long
def test_a_training_goes_on_from_every_crash_point(tmp_path: Path) -> None:
    for found in enumerate_crashes(tmp_path, stride=24):
        assert found.tried >= 9 and not found.lost


@pytest.mark.parametrize("way", ["nothing", *(pytest.param(way, marks=pytest.mark.long) for way in WAYS[:2])])
def test_some_crash_points(tmp_path: Path, way: Way) -> None:
    project = make_project(tmp_path / "project")
    calls, expected = calls_of_a_training(project, tmp_path)
    at = calls * 2 // 3  # in the midst of publishing, long after the first checkpoints
    assert die_and_go_on(project, tmp_path, at, way, expected) is None


@pytest.mark.long
def test_without_syncs_a_power_cut_loses_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("espalier.data.files.sync", lambda path: None)
    monkeypatch.setattr("espalier.stages.artifacts.checkpoint.sync", lambda path: None)
    project = make_project(tmp_path / "project")
    calls, expected = calls_of_a_training(project, tmp_path)
    for way in ("names", "nothing"):
        assert "is lost" in str(die_and_go_on(project, tmp_path, calls - 1, way, expected))


@pytest.mark.long
def test_without_the_state_of_a_trick_the_bits_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(tmp_path / "project")
    calls, expected = calls_of_a_training(project, tmp_path)
    monkeypatch.setattr(PastPlayers, "load_state_dict", lambda self, state: None)
    at = calls // 4  # after the fifth of ten steps
    assert "differ" in str(die_and_go_on(project, tmp_path, at, "kill", expected))


def test_the_disk_keeps_what_was_synced(tmp_path: Path) -> None:
    def write(way: Way) -> dict[str, bytes]:
        root = tmp_path / way
        root.mkdir()
        (root / "old").write_bytes(b"old")

        def die() -> None:
            disk = Disk(root, 4, way)
            with disk.watched():
                (root / "synced").write_bytes(b"1")
                handle = os.open(root / "synced", os.O_RDONLY)
                os.fsync(handle)  # call 0
                (root / "synced").rename(root / "named")  # 1
                folder = os.open(root, os.O_RDONLY)
                os.fsync(folder)  # 2
                (root / "loose").write_bytes(b"2")
                (root / "old").unlink()  # 3
                (root / "never").mkdir()  # 4: it dies

        assert crash_points.forked(root, die) == DIED
        return crash_points.content_of(root)

    assert write("kill") == {"named": b"1", "loose": b"2"}
    assert write("names") == {"named": b"1", "loose": b""}
    assert write("nothing") == {"named": b"1", "old": b"old"}
