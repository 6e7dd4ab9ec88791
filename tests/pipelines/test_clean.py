"""What `espalier clean` deletes, and what it never does."""

import os
from pathlib import Path

import pytest

from espalier.data.files import link_or_copy
from espalier.stages.artifacts.workfolder import hold
from tests.conftest import Project


def folders(project: Project, stage: str) -> list[str]:
    return sorted(path.name for path in (project.root / ".work" / stage).glob("*"))


def test_old_configurations_go_and_the_current_ones_stay(copy_of_trained: Project) -> None:
    project = copy_of_trained
    current = {stage: folders(project, f"progan@{stage}") for stage in ("r4", "r8", "r16")}
    for place in ("progan@r8/0123456789abcdef", "gone@r4/0123456789abcdef", "experiments/x", "progan@r16/running"):
        (project.root / ".work" / place).mkdir(parents=True)
        (project.root / ".work" / place / "step-00000001-0.pt").write_bytes(bytes(100_000))
    for place in ("progan@r8/0123456789abcdef", "progan@r16/running"):
        (project.root / ".work" / place / "lock").touch()
    published = sorted((project.root / "artifacts/progan").rglob("*"))
    with hold(project.root / ".work/progan@r16/running/lock", "it"):
        dry = project.look("clean", "--dry-run")
        assert (
            "progan@r8/0123456789abcdef" in dry and "gone@r4 is no stage of params.yaml" in dry and "running" not in dry
        )
        assert (project.root / ".work/gone@r4").is_dir()
        assert float(dry.split()[-5]) > 0.25
        project.look("clean")
    assert {stage: folders(project, f"progan@{stage}") for stage in ("r4", "r8")} == {
        s: current[s] for s in ("r4", "r8")
    }
    assert folders(project, "progan@r16") == sorted([*current["r16"], "running"])
    assert not (project.root / ".work/gone@r4").exists() and not (project.root / ".work/experiments").exists()
    assert sorted((project.root / "artifacts/progan").rglob("*")) == published
    assert "up to date" in project.look("status")


def test_nothing_is_deleted_while_a_run_holds_the_workspace(copy_of_trained: Project) -> None:
    (copy_of_trained.root / ".work/gone@r4/0123456789abcdef").mkdir(parents=True)
    with hold(copy_of_trained.root / ".work/locks/run", "this workspace"):
        said = copy_of_trained.look("clean", ok=False)
    assert copy_of_trained.code == 2 and f"in use by process {os.getpid()}" in said
    assert (copy_of_trained.root / ".work/gone@r4").is_dir()


@pytest.mark.long
def test_a_milestone_takes_its_weights_once_and_its_checkpoint_on_request(project: Project) -> None:
    project.set("progan.stages.r4.milestone_kimg", 1)
    project.set("progan.stages.r4.kimg", 1.2)
    project.dvc("repro", "progan@r4")
    (work,) = (project.root / ".work/progan@r4").glob("*/milestones/kimg-00001")
    artifact = project.root / "artifacts/progan/r4/milestones/kimg-00001"
    assert not list(artifact.glob("step-*.pt")) and len(list(work.glob("step-*.pt"))) == 1
    weights = "generator.safetensors"
    assert (work / weights).read_bytes() == (artifact / weights).read_bytes()
    project.look("sample", "artifacts/progan/r4/milestones/kimg-00001", "-n", "4", "-o", "a.png")
    step = int(next(work.glob("step-*.pt")).name.split("-")[1])
    said = project.look("run", "progan", "--from", "r4", "--step", str(step + 1), ok=False)
    _, _, there = said.partition(f"progan@r4 has no checkpoint at step {step + 1}; it has: ")
    assert there and str(step) in there.partition(".")[0].split(", "), said
    project.set("progan.common.watch.milestone_checkpoints", True)
    project.dvc("repro", "progan@r4")
    assert len(list(artifact.glob("step-*.pt"))) == 1


def test_a_link_takes_no_space(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a").stat().st_ino == (tmp_path / "b").stat().st_ino
