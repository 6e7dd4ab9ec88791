"""One DVC stage as one Prefect task."""

import re
import time
from dataclasses import dataclass
from typing import Any

from prefect import get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed

from espalier.pipelines.prefect.pages import key_of, metric_rows, stage_page
from espalier.pipelines.prefect.reporting import LiveProgress, Reporter
from espalier.pipelines.run.dag import Node
from espalier.pipelines.run.options import RunOptions
from espalier.pipelines.run.processes import OUT_OF_TIME, Processes, Stopped
from espalier.pipelines.run.repro import dvc, repro_command

PROGRESS = re.compile(r"^\S+ +(\d+)%  (.*)")
EXITED = re.compile(r"failed to run: .* exited with (\d+)")
HINTS = re.compile(r"\t|To (track|enable)|Use `dvc|(Updating|Generating) lock file")
"""Hints that dvc prints for terminal users."""
BAD_INPUT = 2
RETRY_SECONDS = 5


@dataclass(frozen=True)
class Surroundings:
    """State shared by all tasks of a run; `fresh`: stages that need not run."""

    options: RunOptions
    fresh: frozenset[str]
    processes: Processes
    reporter: Reporter


class StageRun:
    """One attempt at a stage: dvc runs it, its output is logged, its progress is reported."""

    def __init__(self, node: Node, shared: Surroundings) -> None:
        self.node, self.shared = node, shared
        self.begun = time.monotonic()
        self.ran = False
        self.exited: int | None = None
        self.errors: list[str] = []
        self.last = ""
        self._progress = LiveProgress(f"{key_of(node.name)}-progress")

    def run(self) -> State:
        """Run to completion. Returns the task's final state, named "Refused" for bad input."""
        options, name = self.shared.options, self.node.name
        command = repro_command([name], single=True, force=options.force, pull=options.pull)
        try:
            code = 0 if name in self.shared.fresh else self._follow(command)
            if code == 0 and options.push:
                code = self._follow(dvc("push", "--run-cache", name))
        except Stopped as stop:
            return self._stopped(str(stop))
        if code == 0:
            return self._done()
        if self.shared.processes.stopped_for is not None:
            return self._stopped(self.shared.processes.stopped_for)
        reason = "\n".join(self.errors) or f"dvc failed with exit code {code}"
        return Failed(name="Refused" if self.exited == BAD_INPUT else "Failed", message=reason)

    def _follow(self, command: list[str]) -> int:
        """Run a command and log its output line by line. Returns its exit code."""
        logger = get_run_logger()
        with self.shared.processes.start(command, piped=True) as process:
            for line in process.stdout or ():
                text = line.rstrip()
                if text and not HINTS.match(text):
                    logger.info(text)
                    self._note(text)
            return process.wait()

    def _note(self, line: str) -> None:
        self.ran = self.ran or line.startswith("Running stage ")
        if exited := EXITED.search(line):
            self.exited = int(exited[1])
        elif line.startswith(("error: ", "ERROR: ")):
            self.errors.append(line.partition(": ")[2])
        if moved := PROGRESS.match(line):
            self._show(float(moved[1]), moved[2])
        if "a checkpoint is written" in line:
            self.last = line

    def _show(self, percent: float, words: str) -> None:
        self.shared.reporter.send(self._progress.key, lambda: self._progress.show(percent, words))

    def _stopped(self, reason: str) -> State:
        if reason == OUT_OF_TIME:
            return Cancelled(name="Unfinished", message=f"{reason}. {self.last}")
        return Cancelled(message=self.last or reason)

    def _done(self) -> State:
        """The end of a stage that ran, or that was up to date: its pages are published either way, since others link to them."""
        node = self.node
        page = stage_page(node, time.monotonic() - self.begun if self.ran else None)
        self.shared.reporter.send(key_of(node.name), lambda: _markdown(node, page))
        if rows := metric_rows(node):
            self.shared.reporter.send(f"{key_of(node.name)}-metrics", lambda: _table(node, rows))
        if not self.ran:
            return Completed(name="Cached", message="unchanged, or restored from dvc's cache")
        self._show(100.0, "done")
        return Completed(message=f"published in {node.artifact}")


def _markdown(node: Node, page: str) -> None:
    create_markdown_artifact(page, key=key_of(node.name), description=f"metrics, samples and curves of {node.name}")


def _table(node: Node, rows: list[dict[str, object]]) -> None:
    create_table_artifact(rows, key=f"{key_of(node.name)}-metrics", description=f"final metrics of {node.name}")


def may_be_retried(_: Any, __: Any, state: State) -> bool:
    """Whether a retry could help; not for bad input."""
    return state.name != "Refused"


@task(
    cache_policy=NO_CACHE,
    persist_result=False,
    retry_delay_seconds=RETRY_SECONDS,
    retry_condition_fn=may_be_retried,
)
def run_stage(node: Node, shared: Surroundings) -> State:
    """Run one stage through dvc."""
    return StageRun(node, shared).run()
