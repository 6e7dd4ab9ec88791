"""`espalier serve` ends within seconds of being told to, also when the server is gone."""

import signal
import sys
import time

import psutil
import pytest

from tests.conftest import Project
from tests.pipelines.conftest import Served, Server


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("gone", [False, True], ids=["server there", "server gone"])
def test_it_ends_within_seconds(
    project: Project, server: Server, number: signal.Signals, gone: bool, request: pytest.FixtureRequest
) -> None:
    (project.root / ".work").mkdir()
    served = Served(project, server, "progan")
    assert server._process
    parent = psutil.Process(server._process.pid)
    stopped = [parent, *parent.children(recursive=True)] if gone else []
    for process in stopped:
        process.suspend()  # it answers no more, and its connections stay open
    try:
        time.sleep(1)
        served.process.send_signal(number)
        served.process.wait(timeout=20)
    finally:
        for process in stopped:
            process.resume()
        served.process.kill()
        served.log.close()


HANGING = """
import time
from espalier.pipelines.prefect.serve import ends_when_told

with ends_when_told():
    try:
        print("ready", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        time.sleep(60)  # as a runner that waits for a server
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_runner_that_does_not_end_is_ended(project: Project, number: signal.Signals) -> None:
    process = project.start(sys.executable, "-c", HANGING)
    assert process.stdout and process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert process.wait(timeout=20) == 128 + number
