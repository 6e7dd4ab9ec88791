"""Run a target as a Prefect flow: one task per DVC stage, in the order of the DAG."""

import logging
import queue
import time
from typing import Any

from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.exceptions import CancelledRun, FailedRun
from prefect.futures import PrefectFuture
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from espalier.data.errors import InputError
from espalier.pipelines.prefect.cancelling import noticing_cancellation
from espalier.pipelines.prefect.gates import Gates
from espalier.pipelines.prefect.pages import Outcome, key_of, run_page
from espalier.pipelines.prefect.reporting import Reporter
from espalier.pipelines.prefect.stage_task import Surroundings, run_stage
from espalier.pipelines.run.dag import Node
from espalier.pipelines.run.options import RunOptions
from espalier.pipelines.run.plan import Plan, planned
from espalier.pipelines.run.processes import CANCELLED, OUT_OF_TIME, Processes

Runner = ThreadPoolTaskRunner[State]
LAST_REPORTS_SECONDS = 30.0


def run_chain(target: str, options: RunOptions) -> State:
    """Run a target's stages. Returns the flow's final state; bad input gives Failed with a message."""
    logging.getLogger("prefect.flow_runs").addFilter(_says_something_new)
    try:
        with planned(target, options, get_run_logger().info) as plan:
            return Chain(plan, options).run()
    except InputError as error:
        return Failed(message=str(error))


def _says_something_new(record: logging.LogRecord) -> bool:
    """Filter out Prefect's traceback of a failed or cancelled run: its state already carries the message."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, (FailedRun, CancelledRun))


class Chain:
    """The stages of one run: waiting, running and finished."""

    def __init__(self, plan: Plan, options: RunOptions) -> None:
        self.plan, self.options = plan, options
        self.processes, self.reporter = Processes(), Reporter()
        fresh = frozenset[str]() if options.force else plan.dag.unchanged(plan.nodes)
        self.shared = Surroundings(options, fresh, self.processes, self.reporter)
        self.gates = Gates(plan.target, options.gates)
        self.futures: dict[str, PrefectFuture[Any]] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.failure: str | None = None
        self._ended: queue.Queue[Node] = queue.Queue()
        self._begun: dict[str, float] = {}

    def run(self) -> State:
        """Run to completion; on cancellation or a signal, leave no process behind."""
        try:
            with Runner(max_workers=self.options.at_once) as runner:
                try:
                    with self.processes.deadline(self.options.seconds), noticing_cancellation(self._cancel):
                        self._walk(runner)
                except BaseException:  # only the main thread receives a cancellation
                    self.processes.stop(CANCELLED)
                    raise
            state = self._verdict()
            if state.is_completed():
                self.plan.finish()
            self._report(state.message or "")
            return state
        finally:
            self.reporter.close(LAST_REPORTS_SECONDS)

    def _cancel(self) -> None:
        self.processes.stop(CANCELLED)

    def _walk(self, runner: Runner) -> None:
        while True:
            for node in self._ready():
                self._submit(node, runner)
            if len(self.outcomes) == len(self.futures):
                return
            self._end(self._ended.get())

    def _ready(self) -> list[Node]:
        """The stages that can start now; none after a failure."""
        if self.failure is not None or self.processes.stopped_for is not None:
            return []
        done = {name for name, outcome in self.outcomes.items() if outcome.word in ("Cached", "Completed")}
        return [n for n in self.plan.nodes if n.name not in self.futures and done.issuperset(n.needs)]

    def _submit(self, node: Node, runner: Runner) -> None:
        stage = run_stage.with_options(name=node.name, task_run_name=node.name, retries=self.gates.retries(node))
        self._begun[node.name] = time.monotonic()
        needed = [self.futures[name] for name in node.needs]
        future = runner.submit(stage, {"node": node, "shared": self.shared}, wait_for=needed)
        self.futures[node.name] = future
        future.add_done_callback(lambda _: self._ended.put(node))

    def _end(self, node: Node) -> None:
        future = self.futures[node.name]
        future.wait()
        state = future.state
        seconds = time.monotonic() - self._begun[node.name]
        self.outcomes[node.name] = Outcome(state.name or "", state.message or "", seconds)
        if state.is_failed() or state.is_crashed():
            self.failure = self.failure or f"{node.name} failed: {state.message}"
        elif state.is_completed():
            missed = self.gates.missed(node)
            if missed is not None:
                self.failure = self.failure or missed

    def _verdict(self) -> State:
        if self.processes.stopped_for == OUT_OF_TIME:
            where = "; ".join(o.detail for o in self.outcomes.values() if o.word == "Unfinished")
            return Cancelled(name="Unfinished", message=where or f"{OUT_OF_TIME}; the next run resumes from here")
        if self.processes.stopped_for == CANCELLED:
            return Cancelled(message="; ".join(o.detail for o in self.outcomes.values() if o.word == "Cancelled"))
        if self.failure is not None:
            return Failed(message=self.failure)
        cached = sum(outcome.word == "Cached" for outcome in self.outcomes.values())
        kept = f"; saved as experiment {self.plan.experiment}" if self.plan.experiment else ""
        return Completed(message=f"{len(self.outcomes)} stages, {cached} of them cached{kept}")

    def _report(self, verdict: str) -> None:
        target = self.plan.target
        page = run_page(target, self.plan.nodes, self.outcomes, verdict)
        key = f"{key_of(target)}-run"
        self.reporter.send(key, lambda: create_markdown_artifact(page, key=key, description=f"last run of {target}"))
