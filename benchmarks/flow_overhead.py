"""python -m benchmarks.flow_overhead: what a flow adds to plain `dvc repro`, on a tiny chain of six stages.

Both run the same stages in the same project, in turns, three times; the figures are medians.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.conftest import make_project
from tests.pipelines.conftest import Served, Server

ROUNDS = 3


def seconds(action: Callable[[], object]) -> float:
    """Wall time of a call."""
    begun = time.monotonic()
    action()
    return time.monotonic() - begun


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder) / "tiny")
        project.set("datasets.dolls.resolution", 64)
        for below, size in ((16, 32), (32, 64)):
            project.set(f"progan.stages.r{size}", {"after": f"artifacts/progan/r{below}", "resolution": size})
        project.dvc("repro")
        server = Server(Path(folder) / "prefect", project)
        server.start()
        served = Served(project, server)

        def flow(**options: object) -> None:
            server.wait_until(served.run(**options), "Completed", seconds=600)

        try:
            forced = [
                (seconds(lambda: project.dvc("repro", "--force")), seconds(lambda: flow(force=True)))
                for _ in range(ROUNDS)
            ]
            fresh = [(seconds(lambda: project.dvc("repro")), seconds(flow)) for _ in range(ROUNDS)]
        finally:
            served.stop()
            server.stop()
    stages = 6
    plain, watched = (statistics.median(times) for times in zip(*forced, strict=True))
    print(
        f"{stages} stages run: dvc repro {plain:.1f} s, flow {watched:.1f} s: {(watched - plain) / stages:.2f} s more a stage"
    )
    plain, watched = (statistics.median(times) for times in zip(*fresh, strict=True))
    print(f"{stages} stages up to date: dvc repro {plain:.1f} s, flow {watched:.1f} s")


if __name__ == "__main__":
    main()
