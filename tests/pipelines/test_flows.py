"""The chain as Prefect flows, with a real server, a real `espalier serve` and real processes."""

import json
import time

import pytest

from tests.conftest import Project
from tests.pipelines.conftest import Served, checkpoints, processes_of, wait_for

pytestmark = pytest.mark.xdist_group("prefect")


def steps(project: Project, stage: str) -> int:
    """The step of the newest checkpoint of a stage."""
    return max(int(path.name.split("-")[1]) for path in checkpoints(project) if f"progan@{stage}" in str(path))


def started_and_checkpointed(served: Served, **options: object) -> str:
    before = checkpoints(served.project)
    run = served.run(**options)
    wait_for(lambda: checkpoints(served.project) - before)
    return run


def test_a_cancelled_run_leaves_a_checkpoint_and_no_process_and_continues(served: Served) -> None:
    project, server = served.project, served.server
    project.set("progan.stages.r8.kimg", 400)
    run = started_and_checkpointed(served)
    begun = time.monotonic()
    server.set_state(run, "CANCELLING")
    server.wait_until(run, "Cancelled", seconds=30)
    assert time.monotonic() - begun < 25
    wait_for(lambda: not processes_of(project, "dvc") and not processes_of(project), 5)
    reached = steps(project, "r8")
    assert "a checkpoint is written" in server.logs(run)
    wait_for(lambda: server.tasks(run).get("progan@r8") == "Cancelled", 10)
    assert not (project.root / ".dvc/tmp/rwlock").exists() or project.bytes(".dvc/tmp/rwlock") in (b"", b"{}")
    project.set("progan.stages.r8.kimg", (reached + 20) * 8 / 1000)
    again = served.run(until="r8")
    server.wait_until(again, "Completed")
    assert f"continuing at step {reached}" in server.logs(again)
    record = json.loads(project.bytes("artifacts/progan/r8/stage.json"))
    assert record["step"] == reached + 20
