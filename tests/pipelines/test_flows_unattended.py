"""Flows that the clock starts, and that end with their machine: Prefect takes minutes to see either, so both begin at once."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.conftest import Project
from tests.pipelines.conftest import Served, Server, processes_of, wait_for
from tests.pipelines.test_flows import copy, end_soon, run_to_a_checkpoint

pytestmark = pytest.mark.long


@dataclass
class Background:
    """What takes minutes to be seen, begun first and looked at last."""

    crashed: Project
    run: str
    killed_at: float
    nightly: Served


@pytest.fixture(scope="module", autouse=True)
def background(trained: Project, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Background]:
    """A run whose machine went down, and a deployment with a cron of every minute."""
    folder = tmp_path_factory.mktemp("background")
    crashed = copy(trained, folder)
    crashed.set("progan.stages.r8.kimg", 400)
    served = Served(crashed, server)
    run = run_to_a_checkpoint(served)
    wait_for(lambda: server.ask("events/filter", heartbeats(run))["total"] > 0)
    for process in processes_of(crashed, ""):
        process.kill()
    nightly = Served(copy(trained, folder), server, "progan", "--cron", "* * * * *")
    yield Background(crashed, run, time.monotonic(), nightly)
    nightly.stop()


def heartbeats(run: str) -> dict[str, object]:
    """A question for the heartbeats of a run."""
    resource = {"id": [f"prefect.flow-run.{run}"]}
    return {"filter": {"event": {"name": ["prefect.flow-run.heartbeat"]}, "resource": resource}, "limit": 1}


def test_a_cron_run_is_really_scheduled_and_run(background: Background, server: Server) -> None:
    deployment = server.ask(f"deployments/name/progan/{background.nightly.project.root.name}")
    question = {
        "deployments": {"id": {"any_": [deployment["id"]]}},
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
    }
    (run, *_) = wait_for(lambda: server.ask("flow_runs/filter", question), 120)
    assert run["auto_scheduled"]
    # The server learns of tasks a little later than of the run.
    wait_for(lambda: set(server.tasks(run["id"]).values()) == {"Cached"}, 30)


def test_a_run_whose_machine_went_down_is_shown_as_crashed_and_continues(
    background: Background, server: Server
) -> None:
    left = 120 - (time.monotonic() - background.killed_at)
    server.wait_until(background.run, "Crashed", seconds=max(left, 5))
    project = background.crashed
    reached = end_soon(project, "r8")
    served = Served(project, server)
    try:
        run = served.run(until="r8")  # the slot is free
        server.wait_until(run, "Completed")
    finally:
        served.stop()
    assert f"continuing at step {reached}" in server.logs(run)
