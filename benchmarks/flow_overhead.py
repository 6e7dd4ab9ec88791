"""python -m benchmarks.flow_overhead: what a flow adds to plain `dvc repro`, on a tiny chain of stages.

Both run the same stages in the same project, in turns, three times; the times are medians.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import Project, make_project
from tests.pipelines.conftest import Served, Server

ROUNDS = 3


def seconds(action: Callable[[], object]) -> float:
    """Wall time of a call."""
    begun = time.monotonic()
    action()
    return time.monotonic() - begun


def chain(root: Path) -> Project:
    """A tiny project that grows from 4x4 to 64x64."""
    project = make_project(root)
    project.set("datasets.dolls.resolution", 64)
    for below, size in ((16, 32), (32, 64)):
        project.set(f"progan.stages.r{size}", {"after": f"artifacts/progan/r{below}", "resolution": size})
    return project


def measure(project: Project, home: Path, rounds: int = ROUNDS) -> str:
    """Run a project both ways; what it took, in two lines. `home` is for the server's files."""
    project.dvc("repro")
    stages = len(project.dvc("stage", "list", "--name-only").split())
    server = Server(home, project)
    server.start()
    try:
        served = Served(project, server)

        def flow(**options: Any) -> None:
            server.wait_until(served.run(**options), "Completed", seconds=600)

        try:
            forced = [
                (seconds(lambda: project.dvc("repro", "--force")), seconds(lambda: flow(force=True)))
                for _ in range(rounds)
            ]
            fresh = [(seconds(lambda: project.dvc("repro")), seconds(flow)) for _ in range(rounds)]
        finally:
            served.stop()
    finally:
        server.stop()
    plain, watched = (statistics.median(times) for times in zip(*forced, strict=True))
    more = (watched - plain) / stages
    lines = [f"{stages} stages run: dvc repro {plain:.1f} s, flow {watched:.1f} s: {more:.2f} s more a stage"]
    plain, watched = (statistics.median(times) for times in zip(*fresh, strict=True))
    return "\n".join([*lines, f"{stages} stages up to date: dvc repro {plain:.1f} s, flow {watched:.1f} s"])


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        print(measure(chain(Path(folder) / "tiny"), Path(folder) / "prefect"))


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    main()
