"""`espalier ui` and its server end together, however the first one ends."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.conftest import Project
from tests.pipelines.conftest import Server, wait_for


@pytest.mark.long
@pytest.mark.parametrize(
    "number",
    [signal.SIGKILL, signal.SIGHUP, signal.SIGINT],
)
def test_the_server_ends_with_the_command(project: Project, tmp_path: Path, number: signal.Signals) -> None:
    server = Server(tmp_path / "prefect", project)
    server.start()
    assert server._process is not None
    children = psutil.Process(server._process.pid).children(recursive=True)
    assert children
    os.kill(server._process.pid, number)
    server._process.wait(timeout=30)
    wait_for(lambda: not any(child.is_running() for child in children), 20)
