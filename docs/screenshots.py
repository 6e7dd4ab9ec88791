"""python -m docs.screenshots: the screenshots in docs/prefect/, taken of a real run in Debian's Chromium.

It trains a short chain on the dolls, on a server of its own, and takes some minutes. Needs the extra `screenshots`
(pip install -e '.[dev,screenshots]') and /usr/bin/chromium.

python -m docs.screenshots studio: those in docs/studio/, of the artifacts in the current folder. Needs the extra `studio`.

python -m docs.screenshots report: those in docs/report/, of a page that `espalier report` has written to report.html here.
"""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from ruamel.yaml import YAML

from tests.conftest import ROOT, make_project
from tests.pipelines.conftest import Served, Server, free_port, wait_for

OUT, STUDIO, REPORT = ROOT / "docs" / "prefect", ROOT / "docs" / "studio", ROOT / "docs" / "report"
CHROMIUM = "/usr/bin/chromium"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LONG = 1800.0


def short_chain() -> dict[str, object]:
    """The shipped chain, up to 16x16 and shorter; its last stage misses a gate that asks a person."""
    params = YAML(typ="safe").load(ROOT / "params.yaml")
    params["datasets"]["dolls"] |= {"count": 3000, "resolution": 16}
    stages = params["progan"]["stages"]
    del stages["r32"]
    for stage, kimg in (("r4", 15), ("r8", 15), ("r16", 24)):
        stages[stage]["kimg"] = kimg
    stages["r16"]["gate"] = {"diversity": {"above": 1.5}, "on_miss": "ask"}
    return dict(params)


def take(page: Page, address: str, name: str, height: int) -> None:
    """A screenshot of a page once it has been drawn."""
    page.set_viewport_size({"width": 1280, "height": height})
    page.goto(address)
    page.wait_for_timeout(4000)
    page.screenshot(path=OUT / f"{name}.png")


def take_all(page: Page, server: Server, served: Served) -> None:
    """Run the chain and take screenshots on the way."""
    name = served.project.root.name
    deployment = server.ask(f"deployments/name/progan/{name}")["id"]
    take(page, f"{server.page}/deployments/deployment/{deployment}/run", "form", 1500)
    run = served.run()
    wait_for(lambda: server.artifacts(run).get("progan-r16-progress", {}).get("data", 0) >= 20, LONG)
    take(page, f"{server.page}/runs/flow-run/{run}", "run", 1000)
    server.wait_until(run, "Paused", seconds=LONG)
    page.goto(f"{server.page}/runs/flow-run/{run}")
    page.get_by_role("button", name="Resume").first.click()
    page.set_viewport_size({"width": 1280, "height": 1250})
    page.wait_for_timeout(3000)
    page.screenshot(path=OUT / "approval.png")
    server.ask(f"flow_runs/{run}/resume", {"run_input": {"decision": "approve"}})
    server.wait_until(run, "Completed")
    pages = server.artifacts(run)
    take(page, f"{server.page}/artifacts/artifact/{pages['progan-r16']['id']}", "stage", 1500)
    take(page, f"{server.page}/artifacts/artifact/{pages['progan-run']['id']}", "summary", 1300)


def take_tabs(page: Page, address: str) -> None:
    """Somebody dressed, and samples."""
    page.set_viewport_size({"width": 1280, "height": 910})
    page.goto(address)
    page.locator("#people button").nth(10).click()
    page.locator("#sentence").get_by_role("textbox").fill("a long-sleeved red dress")
    page.wait_for_timeout(2000)
    page.locator("#dress").click()
    page.locator("#result img").wait_for()
    page.wait_for_timeout(2000)
    page.screenshot(path=STUDIO / "dress.png")
    page.set_viewport_size({"width": 1280, "height": 780})
    page.get_by_role("tab", name="Sample").click()
    page.locator("#grid img").wait_for()
    page.wait_for_timeout(2000)
    page.screenshot(path=STUDIO / "sample.png")


def take_studio(browser: Browser) -> None:
    """The studio on the artifacts here."""
    command = ["espalier", "studio", "--port", str(free_port())]
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as studio:
        assert studio.stdout
        try:
            take_tabs(browser.new_page(color_scheme="light"), studio.stdout.readline().split()[-1])
        finally:
            studio.send_signal(signal.SIGINT)


def take_report(browser: Browser) -> None:
    """The page's first screen on light and dark paper, its curves, and its first screen on a phone."""
    for name, scheme, width, height, place in (
        ("light", "light", 1180, 920, ""),
        ("curves", "dark", 1180, 1440, "#curves"),
        ("phone", "light", 390, 900, ""),
    ):
        page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": height})  # type: ignore[arg-type]
        page.goto(Path("report.html").resolve().as_uri() + place)
        page.wait_for_timeout(500)
        page.screenshot(path=REPORT / f"{name}.png")


def take_prefect(browser: Browser) -> None:
    """Start everything, take the screenshots, stop everything."""
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder) / "dolls")
        project.write_params(short_chain())
        (project.root / ".work").mkdir()
        server = Server(Path(folder) / "prefect", project)
        server.start()
        served = Served(project, server)
        try:
            take_all(browser.new_page(color_scheme="light"), server, served)
        finally:
            served.stop()
            server.stop()


def main() -> None:
    """Take the screenshots of one page."""
    taken = {"studio": (take_studio, STUDIO), "report": (take_report, REPORT)}
    shoot, out = taken.get(" ".join(sys.argv[1:]), (take_prefect, OUT))
    out.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        shoot(browser)
        browser.close()


if __name__ == "__main__":
    main()
