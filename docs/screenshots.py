"""python docs/screenshots.py: the pictures in docs/prefect/, taken of a real run in Debian's Chromium.

It trains a short chain on the dolls in a clone of this repository, on a server of its own, and takes a few minutes.
Needs the extra `screenshots` (pip install -e '.[screenshots]') and /usr/bin/chromium.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, sync_playwright
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
OUT = ROOT / "docs" / "prefect"
CHROMIUM = "/usr/bin/chromium"
QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update"]


def make_project(folder: Path) -> Path:
    """A clone with a short chain, whose last stage misses a gate that asks a person."""
    project = folder / "dolls"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(project)], check=True)
    yaml = YAML()
    params = yaml.load(project / "params.yaml")
    params["datasets"]["dolls"] |= {"count": 3000, "resolution": 16}
    stages = params["progan"]["stages"]
    del stages["r32"]
    for stage, kimg in (("r4", 12), ("r8", 12), ("r16", 16)):
        stages[stage]["kimg"] = kimg
    stages["r16"]["gate"] = {"diversity": {"above": 1.5}, "on_miss": "ask"}
    yaml.dump(params, project / "params.yaml")
    return project


def wait_for(what: Callable[[], Any], seconds: float = 900) -> Any:
    """Wait until it is true; returns what it was."""
    end = time.monotonic() + seconds
    while not (found := what()):
        if time.monotonic() > end:
            raise TimeoutError("waited in vain")
        time.sleep(0.5)
    return found


def take(page: Page, address: str, name: str, height: int = 900) -> None:
    """A picture of a page once it has been drawn."""
    page.set_viewport_size({"width": 1280, "height": height})
    page.goto(address)
    page.wait_for_timeout(4000)
    page.screenshot(path=OUT / f"{name}.png")
    print(OUT / f"{name}.png", flush=True)


def take_all(page: Page, server: str, project: Path) -> None:
    """Run the chain and take its pictures on the way."""
    api = f"{server}/api"
    deployment = httpx.get(f"{api}/deployments/name/progan/{project.name}").json()["id"]
    run = httpx.post(f"{api}/deployments/{deployment}/create_flow_run", json={"name": "nightly-dolls"}).json()["id"]

    def state() -> str:
        return str(httpx.get(f"{api}/flow_runs/{run}").json()["state_name"])

    def artifacts() -> dict[str, Any]:
        question = {"artifacts": {"flow_run_id": {"any_": [run]}}}
        return {a["key"]: a for a in httpx.post(f"{api}/artifacts/filter", json=question).json()}

    take(page, f"{server}/deployments/deployment/{deployment}/run", "form", height=1500)
    wait_for(lambda: artifacts().get("progan-r16-progress", {}).get("data", 0) >= 20)
    take(page, f"{server}/runs/flow-run/{run}", "running", height=1000)
    wait_for(lambda: state() == "Paused")
    take(page, f"{server}/runs/flow-run/{run}", "paused", height=1000)
    page.get_by_role("button", name="Resume").first.click()
    page.wait_for_timeout(2500)
    page.set_viewport_size({"width": 1280, "height": 1300})
    page.screenshot(path=OUT / "approval.png")
    httpx.post(f"{api}/flow_runs/{run}/resume", json={"run_input": {"decision": "approve"}}).raise_for_status()
    wait_for(lambda: state() == "Completed")
    wait_for(lambda: "progan-run" in artifacts())
    take(page, f"{server}/runs/flow-run/{run}", "run", height=1000)
    take(page, f"{server}/artifacts/artifact/{artifacts()['progan-r16']['id']}", "stage", height=1500)
    take(page, f"{server}/artifacts/artifact/{artifacts()['progan-run']['id']}", "summary", height=1200)


def main() -> None:
    """Start everything, take the pictures, stop everything."""
    OUT.mkdir(exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = make_project(folder)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        own = {"PREFECT_HOME": str(folder / "prefect"), "PREFECT_API_URL": f"{server}/api", "PYTHONPATH": str(project)}
        env = {**os.environ, **own, "PATH": path}
        commands = [["espalier", "ui", "--port", str(port)], ["espalier", "serve"]]
        processes = []
        try:
            for command in commands:
                log = (folder / f"{command[1]}.log").open("w")
                started = subprocess.Popen(command, cwd=project, env=env, stdout=log, stderr=subprocess.STDOUT)
                processes.append(started)
                ready = "flows:" if command[1] == "ui" else "polling"
                wait_for(lambda log=log, ready=ready: ready in Path(log.name).read_text(), 120)  # type: ignore[misc]
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
                take_all(browser.new_page(color_scheme="light"), server, project)
                browser.close()
        finally:
            for process in reversed(processes):
                process.send_signal(signal.SIGINT)
                process.wait(timeout=60)


if __name__ == "__main__":
    main()
