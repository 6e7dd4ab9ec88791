"""Runs outlive Prefect's times: leases, heartbeats and time-outs pass while the server is away, and nothing is marked or lost."""

import signal
import time
from pathlib import Path

import pytest

from tests.conftest import Project
from tests.pipelines.conftest import Served, Server, wait_for
from tests.pipelines.test_flows import copy, end_soon, run_to_a_checkpoint

pytestmark = pytest.mark.long
AWAY_SECONDS = 100.0
"""Longer than the 90 s after which a run without heartbeats counts as crashed, and than three leases of 30 s."""


def test_a_paused_run_and_a_training_outlive_an_absence_of_the_server(trained: Project, tmp_path: Path) -> None:
    trained.environment["PREFECT_SERVER_CONCURRENCY_INITIAL_DEPLOYMENT_LEASE_DURATION"] = "30"
    server = Server(tmp_path / "prefect", trained)
    server.start()
    del trained.environment["PREFECT_SERVER_CONCURRENCY_INITIAL_DEPLOYMENT_LEASE_DURATION"]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    waiting, training = copy(trained, tmp_path / "a"), copy(trained, tmp_path / "b")
    waiting.set("progan.stages.r8.gate", {"diversity": {"above": 100}, "on_miss": "ask"})
    training.set("progan.stages.r8.kimg", 400)
    asks, trains = Served(waiting, server), Served(training, server)
    try:
        paused, running = asks.run(until="r8"), run_to_a_checkpoint(trains)
        server.wait_until(paused, "Paused")
        server.stop(signal.SIGKILL)
        time.sleep(AWAY_SECONDS)
        server.start()
        time.sleep(40)  # for whatever marks runs to mark them
        assert (server.state(paused), server.state(running)) == ("Paused", "Running")
        server.ask(f"flow_runs/{paused}/resume", {"run_input": {"decision": "approve", "comment": "late"}})
        server.wait_until(paused, "Completed")
        wait_for(lambda: "approved by a user (late)" in server.logs(paused), 30)
        server.set_state(running, "CANCELLING")
        server.wait_until(running, "Cancelled")
        assert end_soon(training, "r8") > 0
    finally:
        for served in (asks, trains):
            served.stop()
        server.stop()
