"""Runs at the desk with a time, with other parameters, from other places; and what is refused, without a server."""

import json
import re
import shutil
import socket
from pathlib import Path

import pytest

from espalier.pipelines.prefect.gates import Gates
from espalier.pipelines.run.dag import Node
from tests.conftest import Project, make_project
from tests.pipelines.conftest import processes_of


@pytest.mark.long
def test_a_run_is_given_a_time_and_ends_unfinished(copy_of_trained: Project) -> None:
    project = copy_of_trained
    project.set("progan.stages.r4.kimg", 400)
    output = project.espalier("run", "progan", "--for", "16s", ok=False)
    assert project.code == 3 and "the time limit of this run is reached" in output, output
    assert "a checkpoint is written" in output and not processes_of(project)
    assert "half-way" in project.look("status")


@pytest.fixture(scope="module")
def versions(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A trained project with a tag, milestones, and an experiment."""
    root = tmp_path_factory.mktemp("versions") / "project"
    shutil.copytree(trained.root, root, symlinks=True)
    project = Project(root)
    project.run("git", "tag", "first")
    project.set("progan.stages.r8.kimg", 1.6)
    project.set("progan.stages.r8.milestone_kimg", 1)
    project.dvc("repro", "progan@r8")
    project.run("git", "commit", "-qam", "longer, with a milestone")
    project.espalier("run", "progan", "--until", "r8", "-S", "+progan.stages.r8.adam.learning_rate=0.004")
    return project


def experiments(project: Project) -> set[str]:
    return set(project.dvc("exp", "list", "--name-only").split())


def test_history_lists_every_version_with_its_metrics_and_image(versions: Project) -> None:
    (experiment,) = (name for name in experiments(versions) if name.startswith("learning-rate"))
    lines = [line for line in versions.look("history", "progan@r8").splitlines()[1:] if line.strip()]
    assert len(lines) == 3
    assert "workspace" in lines[0] and "1.6" in lines[0] and "artifacts/progan/r8/samples.png" in lines[0]
    (line,) = (line for line in lines if experiment in line)
    assert (versions.root / line.split()[-1]).read_bytes().startswith(b"\x89PNG")
    sha = versions.run("git", "rev-parse", "--short=7", "first").strip()
    assert any(sha in line and "0.8" in line for line in lines)


@pytest.mark.long
def test_training_goes_on_from_a_chosen_checkpoint_as_an_experiment(versions: Project) -> None:
    before, params = versions.bytes("artifacts/progan/r8/stage.json"), versions.bytes("params.yaml")
    said = versions.espalier("run", "progan", "--from", "r8", "--step", "64", ok=False)
    assert versions.code == 2 and re.search(r"has no checkpoint at step 64; it has: [0-9, ]*\b125\b", said)
    output = versions.espalier(
        "run", "progan", "--from", "r8", "--step", "125", "--until", "r8", "-S", "+progan.stages.r8.adam.learning_rate=0.0005"
    )  # fmt: skip
    assert "starting from artifacts/pinned/progan-r8-step-00000125-" in output
    assert (versions.bytes("artifacts/progan/r8/stage.json"), versions.bytes("params.yaml")) == (before, params)
    (name,) = (name for name in experiments(versions) if "from-r8-125" in name)
    versions.dvc("get", ".", "artifacts/progan/r8/stage.json", "--rev", name, "-o", "record.json")
    record = json.loads(versions.bytes("record.json"))
    assert record["start"]["path"].startswith("artifacts/pinned/progan-r8-step-00000125-")
    assert record["step"] == 200 and record["config"]["adam"]["learning_rate"] == 0.0005


@pytest.mark.long
def test_going_on_from_a_checkpoint_unchanged_gives_the_same_weights(versions: Project) -> None:
    versions.espalier("run", "progan", "--from", "r8", "--step", "125", "--until", "r8")
    (name,) = (name for name in experiments(versions) if name.startswith("from-r8-125"))
    weights = "artifacts/progan/r8/generator.safetensors"
    versions.dvc("get", ".", weights, "--rev", name, "-o", "same.safetensors")
    assert versions.bytes("same.safetensors") == versions.bytes(weights)


@pytest.mark.long
def test_the_stages_after_an_older_version_start_from_it(versions: Project) -> None:
    output = versions.espalier("run", "progan", "--from", "progan@r8:first")
    (name,) = (name for name in experiments(versions) if name.startswith("from-r8-first"))
    assert "Running stage 'progan@r16'" in output and f"dvc exp apply {name}" in output
    assert "Running stage 'progan@r8'" not in output
    versions.dvc("get", ".", "artifacts/progan/r16/stage.json", "--rev", name, "-o", "child.json")
    assert json.loads(versions.bytes("child.json"))["parent"]["path"] == "artifacts/pinned/progan-r8-first"


BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "override": (("run", "progan", "-S", "progan.common.trcks.loss=x"), "did you mean 'progan.common.tricks.loss'"),
    "override of nothing": (("run", "progan", "-S", "progan.common.kimg"), "has no value"),
    "override refused": (
        ("run", "progan", "-S", "progan.common.kimg=-1"),
        "progan.common.kimg: Input should be greater",
    ),
    "time": (("run", "progan", "--for", "soon"), "'soon' is not a duration; use 90s, 40m, 8h or 1d, for example"),
    "no remote": (("run", "progan", "--pull"), "no default remote"),
    "step of nothing": (("run", "progan", "--step", "3"), "--from r8 --step 3"),
    "from without step": (("run", "progan", "--from", "r8"), "from which step of r8?"),
    "from an unknown stage": (
        ("run", "progan", "--from", "r9", "--step", "3"),
        "progan.stages has no stage 'r9'; it has: r4",
    ),
    "from of no pipeline": (
        ("run", "dataset@dolls", "--from", "r8", "--step", "3"),
        "params.yaml: 'dataset' is not a pipeline, so it has no stage to start from; leave out --from",
    ),
    "from an unknown version": (
        ("run", "progan", "--from", "progan@r8:nothing"),
        "retrieve version 'nothing' of progan@r8",
    ),
    "history of nothing": (
        ("history", "progan@r9"),
        "params.yaml: progan.stages has no stage 'r9'; it has: r4, r8, r16",
    ),
    "cron": (("serve", "--cron", "every night"), "use five fields, such as '0 2 * * *'"),
    "timezone": (("serve", "--cron", "0 2 * * *", "--timezone", "Mars"), "Mars"),
    "serve": (("serve", "progn"), "did you mean 'progan'"),
    "no server": (("serve",), "no Prefect server answers at http://127.0.0.1:9/api; start one with 'espalier ui'"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_work_is_refused_in_a_sentence(trained: Project, case: str) -> None:
    command, expected = BAD[case]
    trained.environment["PREFECT_API_URL"] = "http://127.0.0.1:9/api"
    output = (trained.espalier if "serve" in command else trained.look)(*command, ok=False)
    assert trained.code == 2 and expected in output and "Traceback" not in output, output


@pytest.mark.parametrize("target", ["code", "dataset@dolls", "features@dolls", "text@dolls", "progan@r4"])
def test_every_target_of_a_flow_has_gates(trained: Project, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    monkeypatch.chdir(trained.root)
    node = Node(target, (), (Path("artifacts", target),))
    gates = Gates(target, "stop")
    assert gates.retries(node) == 0 and gates.missed(node) is None


def test_a_port_in_use_is_refused(trained: Project) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        output = trained.espalier("ui", "--port", str(port), ok=False)
    assert trained.code == 2 and f"port {port}: Address already in use" in output


def test_a_folder_that_is_no_dvc_repository_is_refused(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    shutil.rmtree(project.root / ".dvc")
    for command in (("run", "progan"), ("serve",)):
        output = project.look(*command, ok=False)
        assert project.code == 2 and "not inside of a DVC repository" in output and "Traceback" not in output


def test_a_gate_on_a_metric_that_the_stage_lacks_is_refused(copy_of_trained: Project) -> None:
    copy_of_trained.set("progan.stages.r8.gate", {"fid": {"below": 40}})
    output = copy_of_trained.espalier("run", "progan", ok=False)
    assert copy_of_trained.code == 2 and "progan.stages.r8: gate.fid: the stage has no such metric" in output


def test_editing_a_gate_trains_nothing(copy_of_trained: Project) -> None:
    copy_of_trained.set("progan.stages.r8.gate", {"diversity": {"above": 0.1}})
    output = copy_of_trained.dvc("repro")
    assert "trained for" not in output and "Running stage 'progan@r16'" not in output


def test_a_second_run_in_one_workspace_is_refused(copy_of_trained: Project) -> None:
    project = copy_of_trained
    project.set("progan.stages.r4.kimg", 400)
    first = project.start("espalier", "run", "progan")
    while not processes_of(project):
        assert first.poll() is None
    output = project.espalier("run", "progan", ok=False)
    assert project.code == 2 and f"this workspace is in use by process {first.pid}" in output
    first.terminate()
    first.communicate(timeout=30)
