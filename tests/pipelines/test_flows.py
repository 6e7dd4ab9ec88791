"""The chain as Prefect flows, with a real server, a real `espalier serve` and real processes."""

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Project
from tests.pipelines.conftest import Served, Server, checkpoints, processes_of, wait_for


def copy(project: Project, folder: Path) -> Project:
    root = folder / f"project-{os.urandom(3).hex()}"  # the name of its deployments
    shutil.copytree(project.root, root, symlinks=True)
    return Project(root)


def steps(project: Project, stage: str) -> int:
    """The step of the newest checkpoint of a stage."""
    return max(int(path.name.split("-")[1]) for path in checkpoints(project) if f"progan@{stage}" in str(path))


def run_to_a_checkpoint(served: Served, **options: object) -> str:
    before = checkpoints(served.project)
    run = served.run(**options)
    wait_for(lambda: checkpoints(served.project) - before)
    return run


def end_soon(project: Project, stage: str, more: int = 20) -> int:
    """Have a stage end so many steps after its newest checkpoint; returns that checkpoint's step."""
    reached = steps(project, stage)
    project.set(f"progan.stages.{stage}.kimg", (reached + more) * 8 / 1000)
    return reached


@pytest.fixture
def served(trained: Project, server: Server, tmp_path: Path) -> Iterator[Served]:
    """A trained project of its own, served."""
    served = Served(copy(trained, tmp_path), server)
    yield served
    served.stop()
    for process in processes_of(served.project, ""):
        process.kill()


@pytest.fixture(scope="module")
def shared(trained: Project, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A trained project, served, for tests that leave it trained."""
    served = Served(copy(trained, tmp_path_factory.mktemp("shared")), server)
    yield served
    served.stop()


def test_a_run_shows_every_stage_with_its_images_and_overrides_are_an_experiment(shared: Served) -> None:
    project, server = shared.project, shared.server
    before = project.bytes("params.yaml"), project.bytes("artifacts/progan/r16/generator.safetensors")
    run = shared.run(overrides=["+progan.stages.r16.kimg=4"])
    server.wait_until(run, "Completed")
    assert before == (project.bytes("params.yaml"), project.bytes("artifacts/progan/r16/generator.safetensors"))
    assert server.tasks(run) == {
        "code": "Cached", "dataset@dolls": "Cached", "progan@r4": "Cached", "progan@r8": "Cached", "progan@r16": "Completed",
    }  # fmt: skip
    (name,) = project.dvc("exp", "list", "--name-only").split()
    assert name in server.message(run)
    assert "kimg: 4" in project.run("git", "show", f"refs/exps/{commit(project)}/{name}:params.yaml")
    artifacts = server.artifacts(run)
    assert {"progan-r16", "progan-r16-metrics", "progan-r16-progress", "progan-run"} <= set(artifacts)
    linked = {key for one in artifacts.values() for key in re.findall(r"\(/artifacts/key/([\w-]+)\)", str(one["data"]))}
    assert {"progan-r4", "progan-r8", "dataset-dolls"} <= linked <= set(artifacts)  # also those of cached stages
    assert "**Unchanged**" in artifacts["progan-r8"]["data"] and "data:image/png" in artifacts["progan-r8"]["data"]
    page = artifacts["progan-r16"]["data"]
    assert page.count("data:image/png;base64,") == 2 and "| diversity |" in page
    assert "[progan@r8](/artifacts/key/progan-r8)" in page
    assert artifacts["progan-r16-progress"]["data"] == 100
    assert {"metric": "kimg", "value": 4.0} in json.loads(artifacts["progan-r16-metrics"]["data"])
    summary = artifacts["progan-run"]["data"]
    assert "| Cached |" in summary and "| Completed | 0:" in summary and "data:image/png" in summary
    logs = server.logs(run)
    assert "progan@r16 is done" in logs and "git add dvc.lock" not in logs
    graph = server.ask(f"flow_runs/{run}/graph-v2")
    labels = {key: node["label"] for key, node in graph["nodes"]}
    parents = {node["label"]: {labels[parent["id"]] for parent in node["parents"]} for _, node in graph["nodes"]}
    assert parents["progan@r16"] == {"code", "dataset@dolls", "progan@r8"}
    assert parents["dataset@dolls"] == {"code"} and parents["code"] == set()


def commit(project: Project) -> str:
    """HEAD as experiments' references spell it."""
    sha = project.run("git", "rev-parse", "HEAD").strip()
    return f"{sha[:2]}/{sha[2:]}"


def test_the_form_of_a_deployment_describes_every_option(shared: Served) -> None:
    found = shared.server.ask(f"deployments/name/progan/{shared.project.root.name}")
    options = found["parameter_openapi_schema"]["definitions"]["RunOptions"]["properties"]
    assert {"until", "force", "overrides", "seed", "gates", "start", "step", "time", "pull", "push"} <= set(options)
    assert all(option["description"] for option in options.values())
    assert options["gates"]["enum"] == ["as configured", "stop", "ask", "off"]
    assert found["global_concurrency_limit"] is None, "its lease is revoked when a run pauses"


@pytest.mark.long
def test_gates_stop_the_chain_or_ask_a_person(shared: Served) -> None:
    project, server = shared.project, shared.server
    project.set("progan.stages.r8.gate", {"diversity": {"above": 100}, "on_miss": "stop"})
    run = shared.run()
    server.wait_until(run, "Failed")
    assert "progan@r8 misses its gate: diversity is 1.27" in server.message(run)
    assert "Traceback" not in server.logs(run)
    assert "not above 100" in server.message(run) and "progan@r16" not in server.tasks(run)
    run = shared.run(gates="off")
    server.wait_until(run, "Completed")
    question = {"prefix": "paused-", "limit": 9}
    for decision, end in (("approve", "Completed"), ("reject", "Failed")):
        run = shared.run(gates="ask")
        server.wait_until(run, "Paused")
        form = f"flow_runs/{run}/input/filter"  # whose parts Prefect saves one after the other

        def shows_samples(form: str = form) -> bool:
            return any("data:image/png" in str(part["value"]) for part in server.ask(form, question))

        wait_for(shows_samples)
        server.ask(f"flow_runs/{run}/resume", {"run_input": {"decision": decision, "comment": "seen"}})
        server.wait_until(run, end)
    assert "rejected (seen)" in server.message(run)
    params = project.params
    del params["progan"]["stages"]["r8"]["gate"]
    project.write_params(params)


@pytest.mark.long
def test_a_sick_stage_is_healed_in_a_flow_and_its_page_says_so(shared: Served) -> None:
    remedies = "{remedies:{diverged:[{adam:{learning_rate:0.003}}]}}"
    changes = ["+progan.stages.r16.adam.learning_rate=1e30", f"+progan.stages.r16.heal={remedies}"]
    run = shared.run(overrides=changes)
    shared.server.wait_until(run, "Completed")
    page = shared.server.artifacts(run)["progan-r16"]["data"]
    happened = "restarted and resumed with learning_rate 0.003"
    assert "diverged: step " in page and happened in page, page
    assert happened in shared.server.logs(run)


def test_any_target_of_the_dag_is_a_flow_too(shared: Served) -> None:
    run = shared.server.run(f"target/{shared.project.root.name}", target="dataset@dolls", options={"force": True})
    shared.server.wait_until(run, "Completed")
    assert shared.server.tasks(run) == {"code": "Completed", "dataset@dolls": "Completed"}


@pytest.mark.long
def test_a_cancelled_run_leaves_a_checkpoint_and_no_process_and_continues(served: Served) -> None:
    project, server = served.project, served.server
    project.set("progan.stages.r8.kimg", 400)
    run = run_to_a_checkpoint(served)
    begun = time.monotonic()
    server.set_state(run, "CANCELLING")
    server.wait_until(run, "Cancelled", seconds=30)
    assert time.monotonic() - begun < 28  # prefect kills at 30
    wait_for(lambda: not processes_of(project, "dvc") and not processes_of(project), 5)
    assert "a checkpoint is written" in server.logs(run)
    wait_for(lambda: server.tasks(run).get("progan@r8") == "Cancelled", 10)
    reached = end_soon(project, "r8")
    again = served.run(until="r8")
    server.wait_until(again, "Completed")
    assert f"continuing at step {reached}" in server.logs(again)
    assert json.loads(project.bytes("artifacts/progan/r8/stage.json"))["step"] == reached + 20


@pytest.mark.long
def test_a_run_is_given_a_time_and_its_failures_are_retried_unless_the_configuration_is_wrong(served: Served) -> None:
    project, server = served.project, served.server
    project.set("progan.stages.r8.kimg", 400)
    run = served.run(time="15s")
    server.wait_until(run, "Unfinished")
    assert "a checkpoint is written" in server.message(run) and not processes_of(project)
    project.set("progan.stages.r8.retries", 1)
    reached = steps(project, "r8")
    run = run_to_a_checkpoint(served, until="r8")
    for trainer in processes_of(project):
        trainer.kill()
    wait_for(lambda: "AwaitingRetry" in server.tasks(run).values() or "Retrying" in server.tasks(run).values())
    end_soon(project, "r8")  # params.yaml is read anew by the retry
    server.wait_until(run, "Completed")
    logs = server.logs(run)
    assert logs.count("continuing at step") == 2 and f"continuing at step {reached}" in logs
    project.set("progan.stages.r8.batch_size", 64)
    run = served.run(until="r8")
    server.wait_until(run, "Failed")
    assert "has 48 images, fewer than one batch of 64" in server.message(run)
    assert "AwaitingRetry" not in str(server.ask("task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}}))
    assert server.logs(run).count("> python -m espalier.stages.run progan r8") == 1


@pytest.mark.long
def test_training_goes_on_while_the_server_is_away(served: Served) -> None:
    project, server = served.project, served.server
    project.set("progan.stages.r8.kimg", 4)
    project.set("progan.stages.r16.kimg", 4)
    run = run_to_a_checkpoint(served)
    server.stop(signal.SIGKILL)
    wait_for(lambda: any("progan@r16" in str(path) for path in checkpoints(project)))  # on to the next stage
    server.start()
    server.wait_until(run, "Completed")
    assert json.loads(project.bytes("artifacts/progan/r16/stage.json"))["step"] == 500
    assert project.dvc("status").split() == ["code:", "always", "changed"]  # and nothing else
    assert {"progan-r8", "progan-r16", "progan-run"} <= set(server.artifacts(run))


@pytest.mark.long
def test_two_machines_share_a_chain_through_git_and_a_remote(served: Served, tmp_path: Path) -> None:
    one, server = served.project, served.server
    (tmp_path / "remote").mkdir()
    one.dvc("remote", "add", "--default", "shared", str(tmp_path / "remote"))
    one.set("progan.stages.r4.seed", 9)
    run = served.run(until="r8", push=True)
    server.wait_until(run, "Completed")
    one.run("git", "add", "-A")
    one.run("git", "commit", "-qm", "r8 is trained")
    root = tmp_path / f"second-{os.urandom(3).hex()}"
    one.run("git", "clone", "-q", str(one.root), str(root))
    two = Project(root)
    (root / ".work").mkdir()
    second = Served(two, server)
    try:
        run = second.run(pull=True)
        server.wait_until(run, "Completed")
    finally:
        second.stop()
    assert server.tasks(run) == {
        "code": "Completed", "dataset@dolls": "Cached", "progan@r4": "Cached", "progan@r8": "Cached",
        "progan@r16": "Completed",
    }  # fmt: skip
    weights = "artifacts/progan/r8/generator.safetensors"
    assert two.bytes(weights) == one.bytes(weights)
    assert json.loads(two.bytes("artifacts/progan/r4/stage.json"))["config"]["seed"] == 9
