"""Running a table's worlds: the stages of benchmarks/dvc.yaml, so many at once, resumable run by run.

Each stage is run by the real `dvc repro`, with one thread for training, since the networks are tiny. What is finished
is not run again; Ctrl-C leaves checkpoints, and the same command goes on.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from espalier.pipelines.run.repro import dvc
from espalier.stages.config.params import read_params, stage_names
from espalier.stages.contracts.known import SECTIONS

ROOT = Path(__file__).parent
TABLES = ROOT.parent / "docs" / "tables"
MAKERS = {section: group for group, section in SECTIONS.items()} | {"classifiers": "classifiers"}
"""What makes the artifacts that pipelines name, by their folder."""


@dataclass(frozen=True, slots=True)
class Mean:
    """Mean and standard error of a metric over seeds; `count` of them."""

    mean: float
    error: float
    count: int

    def __str__(self) -> str:
        return f"{self.mean:.3g} ± {self.error:.2g}" if self.count > 1 else f"{self.mean:.3g}"


def mean(values: Sequence[float]) -> Mean:
    """Mean, and standard deviation over the root of the count."""
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return Mean(statistics.fmean(values), error, len(values))


def options(description: str, full: bool) -> argparse.Namespace:
    """Options of every table's command."""
    parser = argparse.ArgumentParser(description=description)
    if full:
        parser.add_argument("--full", action="store_true", help="the released protocol instead of the reduced one")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at once (default 2)")
    parser.add_argument("--table-only", action="store_true", help="run nothing; the table of what is there")
    return parser.parse_args()


def run(pipelines: Sequence[str], jobs: int, needed: Sequence[str] = ()) -> list[str]:
    """Bring these pipelines up to date, and before them what they need. Returns the names of runs that failed."""
    with contextlib.chdir(ROOT):
        params = read_params()
        named = [Path(text) for p in pipelines for text in _texts(params[p].get("common", {}))]
        makers = {f"{MAKERS[path.parent.name]}@{path.name}" for path in named if path.parent.name in MAKERS}
        subprocess.run(dvc("repro", "code", *sorted(makers.union(needed))), check=True)
        runs = [f"{p}@{stage}" for p in pipelines for stage in stage_names(params, p)]
        return _run_all(runs, jobs)


def _texts(options: Any) -> Iterator[str]:
    """All texts in options, however deep."""
    for value in options.values() if isinstance(options, dict) else ():
        yield from [value] if isinstance(value, str) else _texts(value)


def _run_all(runs: Sequence[str], jobs: int) -> list[str]:
    begun, failed = time.monotonic(), []
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def one(name: str) -> "subprocess.CompletedProcess[str]":
        command = dvc("repro", "--single-item", name)
        return subprocess.run(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    with ThreadPoolExecutor(jobs) as pool, _cancelled_on_interrupt(pool):
        futures: dict[Future[subprocess.CompletedProcess[str]], str] = {pool.submit(one, name): name for name in runs}
        for done, future in enumerate(as_completed(futures), start=1):
            result, name = future.result(), futures[future]
            if result.returncode:
                failed.append(name)
                print(f"{name} failed:\n{result.stdout[-1500:]}", file=sys.stderr)
            each = (time.monotonic() - begun) / done
            print(
                f"{done} of {len(runs)} runs  {name}  about {each * (len(runs) - done) / 60:.0f} min left", flush=True
            )
    return failed


@contextlib.contextmanager
def _cancelled_on_interrupt(pool: ThreadPoolExecutor) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        pool.shutdown(wait=True, cancel_futures=True)
        raise


def metrics(pipeline: str, rows: dict[str, str], metric: str, seeds: bool = True) -> dict[str, list[float]]:
    """A final metric by row: of the run named by the row's key, or, with `seeds`, of all its seeds that are finished."""
    by_row: dict[str, list[float]] = {}
    for key, row in rows.items():
        paths = sorted((ROOT / "artifacts" / pipeline).glob(f"{key}{'-[0-9]*' if seeds else ''}/metrics.json"))
        values = [found for path in paths if (found := json.loads(path.read_text()).get(metric)) is not None]
        if values:
            by_row[row] = values
    return by_row


def write_table(name: str, text: str) -> None:
    """docs/tables/NAME.md, and the same on the terminal."""
    TABLES.mkdir(parents=True, exist_ok=True)
    (TABLES / f"{name}.md").write_text(text + "\n", encoding="utf-8")
    print(text)


def draw_dots(axes: Axes, values: dict[str, list[float]]) -> None:
    """Every run as a dot, their mean as a bar, one column a row of the table."""
    for place, runs in enumerate(values.values()):
        axes.plot([place] * len(runs), runs, "o", color="#9aa3ad", markersize=5, alpha=0.8)
        axes.plot([place - 0.25, place + 0.25], [statistics.fmean(runs)] * 2, color="#d9480f", linewidth=2)
    axes.set_xticks(range(len(values)), list(values), fontsize=8)
    if len(values) > 5:
        axes.tick_params("x", rotation=30)
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
    axes.set_xlim(-0.6, len(values) - 0.4)
    axes.grid(axis="y", alpha=0.3)


def markdown(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def judged(world: str, digest: str, measure: Callable[[], dict[str, float]]) -> dict[str, float]:
    """What weights of a digest are worth, measured once."""
    kept = ROOT / "artifacts" / "worth" / world / f"{digest[:32]}.json"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(measure()))
    found: dict[str, float] = json.loads(kept.read_text())
    return found


def main(
    description: str,
    pipelines: Sequence[str | Sequence[str]],
    write: Callable[[str], None],
    needed: Sequence[str] = (),
    full: bool = False,
) -> int:
    """Run what is missing, then write the table. `write` is given the ending of the pipelines' names.

    Pipelines that stand together can run at once; the others wait for those before them. `needed`: stages of dvc.yaml that the
    table needs beside what the pipelines name. `full`: each pipeline has a NAME_full, with the released protocol.
    """
    chosen = options(description, full)
    ending, failed = "_full" if full and chosen.full else "", []
    for together in pipelines if not chosen.table_only else ():
        names = [together] if isinstance(together, str) else together
        failed += run([name + ending for name in names], chosen.jobs, needed)
    write(ending)
    return 1 if failed else 0
