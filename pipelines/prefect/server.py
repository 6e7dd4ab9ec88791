"""Prefect's server and its page: start one, or find the one set by PREFECT_API_URL or prefect.toml."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType

import httpx

from espalier.data.errors import InputError
from espalier.pipelines.address import check_address
from espalier.stages.process.interruption import handling
from espalier.stages.process.parent import RUN, this_run

HOST = "127.0.0.1"
START_SECONDS, SAYING_SECONDS = 900.0, 30.0
"""Time allowed for its start, which takes minutes on a busy machine; time between messages meanwhile."""


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
    options = ["--host", HOST, "--port", str(port)]
    command = [sys.executable, "-m", "espalier.pipelines.prefect.run_server", *options]
    environment = {**os.environ, **quiet, RUN: this_run()}
    server = subprocess.Popen(command, env=environment, start_new_session=True, stdout=subprocess.DEVNULL)

    def stop(number: int, frame: FrameType | None) -> None:
        server.terminate()

    try:
        with handling(stop):
            _wait_for(server, f"{page}/api")
            if server.poll() is None:
                forget_old_automation()
                from espalier.pipelines.prefect.silent_runs import watch_for_silent_runs

                watch_for_silent_runs()
                ready(page)
            return server.wait()
    finally:
        if server.poll() is None:
            server.terminate()
            server.wait()


def _wait_for(server: "subprocess.Popen[bytes]", api: str) -> None:
    """Wait until the server answers or has ended.

    Raises:
        InputError: it runs, and does not answer for a long time.
    """
    begun = said = time.monotonic()
    while server.poll() is None and not _answers(api):
        now = time.monotonic()
        if now - begun > START_SECONDS:
            raise InputError(f"Prefect's server does not answer {START_SECONDS:g} s after its start")
        if now - said > SAYING_SECONDS:
            said = now
            print(f"Prefect's server has been starting for {now - begun:.0f} s; waiting for it", flush=True)
        time.sleep(0.2)


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


def forget_old_automation() -> None:
    """Remove the automation by which earlier versions marked crashed runs: it marks all that outlive the server, too."""
    from prefect import get_client

    with get_client(sync_client=True) as client:
        for automation in client.read_automations_by_name("espalier: a run without heartbeat has crashed"):
            client.delete_automation(automation.id)
