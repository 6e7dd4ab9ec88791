"""A real Prefect server, once a session, and flows served from a project by a real `espalier serve`."""

import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.conftest import Project


def wait_for(what: Callable[[], Any], seconds: float = 240) -> Any:
    """Wait until it is true; returns what it was."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return found


def checkpoints(project: Project) -> set[Path]:
    return set((project.root / ".work").glob("*@*/*/step-*.pt"))


def processes_of(project: Project, words: str = "espalier.stages.run progan") -> list[psutil.Process]:
    """Processes of this project whose command has these words."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd", "status"]):
        here = (process.info["cwd"] or "").startswith(str(project.root))
        if here and words in " ".join(process.info["cmdline"] or []) and process.info["status"] != "zombie":
            found.append(process)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """Prefect's server as `espalier ui` starts it, with a database of its own."""

    def __init__(self, folder: Path, project: Project) -> None:
        self.folder, self.project, self.port = folder, project, free_port()
        self.page = f"http://127.0.0.1:{self.port}"
        self.api = f"{self.page}/api"
        self.environment = {"PREFECT_API_URL": self.api, "PREFECT_HOME": str(folder)}
        self.environment["PREFECT_RUNNER_POLL_FREQUENCY"] = "4"  # seconds between looks for runs; 10 unless set
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> str:
        """Start it; returns what it said when it was ready."""
        self._process = self.project.start("espalier", "ui", "--port", str(self.port), PREFECT_HOME=str(self.folder))
        assert self._process.stdout
        lines = []
        for line in self._process.stdout:
            lines.append(line)
            if line.startswith("flows:"):
                # What it says later must be read, too: a server whose pipe is full stands still.
                threading.Thread(target=self._process.stdout.read, daemon=True).start()
                return "".join(lines)
        raise AssertionError("".join(lines))

    def stop(self, number: int = signal.SIGTERM) -> None:
        assert self._process
        children = psutil.Process(self._process.pid).children(recursive=True)
        self._process.send_signal(number)
        for child in children if number == signal.SIGKILL else []:
            child.kill()
        self._process.wait(timeout=30)

    def ask(self, path: str, body: Any = None) -> Any:
        method = "GET" if body is None else "POST"
        for _ in range(20):  # a database that is busy for a context answers 503, as Prefect's own client knows
            answer = httpx.request(method, f"{self.api}/{path}", json=body, timeout=30)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(0.5)
        answer.raise_for_status()
        return answer.json()

    # Flow runs.

    def run(self, deployment: str, **parameters: Any) -> str:
        """Ask for a run of a deployment, as the page's button does; returns the run's id."""
        found = self.ask(f"deployments/name/{deployment}")
        run: str = self.ask(f"deployments/{found['id']}/create_flow_run", {"parameters": parameters})["id"]
        return run

    def flow_run(self, run: str) -> Any:
        return self.ask(f"flow_runs/{run}")

    def state(self, run: str) -> str:
        name: str = self.flow_run(run)["state_name"]
        return name

    def message(self, run: str) -> str:
        return str(self.flow_run(run)["state"]["message"])

    def set_state(self, run: str, kind: str) -> None:
        self.ask(f"flow_runs/{run}/set_state", {"state": {"type": kind}})

    def wait_until(self, run: str, *states: str, seconds: float = 240) -> str:
        """Wait until a run is in one of these states; returns which."""
        ended = ("Completed", "Failed", "Cancelled", "Crashed", "Unfinished")

        def reached() -> str | None:
            state = self.state(run)
            assert state in states or state not in ended, f"{state}: {self.message(run)}\n{self.logs(run)}"
            return state if state in states else None

        found: str = wait_for(reached, seconds)
        return found

    def tasks(self, run: str) -> dict[str, str]:
        """The state of each task of a run."""
        found = self.ask("task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
        return {task["name"]: task["state_name"] for task in found}

    def logs(self, run: str) -> str:
        found = self.ask("logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}, "sort": "TIMESTAMP_ASC"})
        return "\n".join(line["message"] for line in found)

    def artifacts(self, run: str) -> dict[str, Any]:
        """The artifacts of a run by key."""
        found = self.ask("artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run]}}, "sort": "KEY_ASC"})
        return {artifact["key"]: artifact for artifact in found}


class Served:
    """A project whose flows wait for runs."""

    def __init__(self, project: Project, server: Server, *arguments: str) -> None:
        self.project, self.server = project, server
        project.environment |= server.environment
        self.log = (project.root / ".work/serve.log").open("w+")
        self.process = subprocess.Popen(
            ["espalier", "serve", *arguments], cwd=project.root, env=project.environment, start_new_session=True,
            stdout=self.log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        wait_for(lambda: "polling for scheduled runs" in self.output() or self.process.poll() is not None)
        assert self.process.poll() is None, self.output()

    def output(self) -> str:
        return (self.project.root / ".work/serve.log").read_text()

    def run(self, flow: str = "progan", **options: Any) -> str:
        return self.server.run(f"{flow}/{self.project.root.name}", options=options)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=60)
        self.log.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, trained: Project) -> Iterator[Server]:
    """A server with its page."""
    server = Server(tmp_path_factory.mktemp("prefect"), trained)
    server.start()
    yield server
    server.stop()
