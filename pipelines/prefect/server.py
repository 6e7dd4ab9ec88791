"""Prefect's server and its page: start one, or find the one set by PREFECT_API_URL or prefect.toml."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType

import httpx

from espalier.data.errors import InputError
from espalier.pipelines.address import check_address

HOST = "127.0.0.1"
START_SECONDS = 90.0


def start_server(port: int, ready: Callable[[str], None]) -> int:
    """Run a server with its page until interrupted. Returns its exit code. `ready` is called with the page's address.

    Raises:
        InputError: the port is in use, or the server does not start.
    """
    check_address(HOST, port, "espalier ui")
    page = f"http://{HOST}:{port}"
    # The page calls this address; by default it would call port 4200 regardless of the port.
    addresses = {"PREFECT_SERVER_UI_API_URL": f"{page}/api", "PREFECT_API_URL": f"{page}/api"}
    quiet = {
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    }
    os.environ.update(addresses)
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)]
    server = subprocess.Popen(command, env={**os.environ, **quiet}, start_new_session=True, stdout=subprocess.DEVNULL)

    def stop(number: int, frame: FrameType | None) -> None:
        server.terminate()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    end = time.monotonic() + START_SECONDS
    while server.poll() is None and not _answers(f"{page}/api"):
        if time.monotonic() > end:
            server.terminate()
            raise InputError(f"Prefect's server did not start within {START_SECONDS:g} s")
        time.sleep(0.2)
    if server.poll() is None:
        crash_runs_without_heartbeat()
        ready(page)
    return server.wait()


def _answers(api: str) -> bool:
    try:
        return httpx.get(f"{api}/health", timeout=5).is_success
    except httpx.HTTPError:
        return False


def require_server() -> None:
    """Check that a Prefect server answers at the API in use.

    Raises:
        InputError: no server answers at this address.
    """
    from prefect.settings import PREFECT_API_URL

    api = PREFECT_API_URL.value()
    if not api or not _answers(api):
        where = f"at {api}" if api else "(PREFECT_API_URL is not set)"
        raise InputError(
            f"no Prefect server answers {where}; start one with 'espalier ui', or set PREFECT_API_URL to the address of yours"
        )


def crash_runs_without_heartbeat() -> None:
    """Create an automation (once) that marks a run as crashed after 90 s without a heartbeat.

    Otherwise a run whose machine went down would stay Running forever and keep its concurrency slot.
    """
    from datetime import timedelta

    from prefect.automations import Automation
    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ChangeFlowRunState
    from prefect.events.schemas.automations import EventTrigger, Posture
    from prefect.events.schemas.events import ResourceSpecification

    name = "espalier: a run without heartbeat has crashed"
    try:
        Automation.read(name=name, _sync=True)  # type: ignore[call-overload]
        return
    except ValueError:
        pass
    ended = ("Completed", "Cached", "Failed", "Cancelled", "Unfinished", "Crashed")
    automation = Automation(
        name=name,
        description="after a heartbeat, a flow run must send another or end within 90 s",
        trigger=EventTrigger(
            posture=Posture.Proactive,
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            for_each={"prefect.resource.id"},
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.heartbeat", *(f"prefect.flow-run.{state}" for state in ended)},
            threshold=1,
            within=timedelta(seconds=90),
        ),
        actions=[
            ChangeFlowRunState(
                name="Crashed",
                state=StateType.CRASHED,
                message="no heartbeat for 90 s: its process is gone",
                force=False,
            )
        ],
    )
    automation.create(_sync=True)  # type: ignore[call-arg]
