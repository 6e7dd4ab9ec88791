"""Plan a run before training: the workspace, the stages and their order."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from espalier.data.errors import InputError
from espalier.pipelines.run.dag import Dag, Node, has_remote, read_dag, stages_of
from espalier.pipelines.run.experiments import experiment, experiment_name, override, save
from espalier.pipelines.run.options import RunOptions
from espalier.pipelines.run.start import check_start, pin, start_name
from espalier.pipelines.run.validate import check_sources, validate
from espalier.stages.artifacts.workfolder import hold, work_root
from espalier.stages.config.params import pipeline_names, read_params


@dataclass(frozen=True, slots=True)
class Plan:
    """A target and the stages it depends on, in topological order.

    `experiment` is the name under which the results are saved if parameters are overridden.
    """

    target: str
    nodes: list[Node]
    dag: Dag
    experiment: str | None
    workspace: Path

    @property
    def stale(self) -> list[Node]:
        """The stages that DVC would run."""
        fresh = self.dag.unchanged(self.nodes)
        return [node for node in self.nodes if node.name not in fresh]

    def finish(self) -> None:
        """Save the results if this is an experiment."""
        if self.experiment is not None:
            save(self.experiment, [node.name for node in self.nodes], self.workspace)


@contextlib.contextmanager
def planned(target: str, options: RunOptions, waits: Callable[[str], None] | None = None) -> Iterator[Plan]:
    """Plan a run and lock the workspace while it lasts. Inside the context, the current folder is the run's.

    With `waits`, wait for another run of this workspace to end, which is said to this function.

    Raises:
        InputError: any error that can be detected before training.
    """
    workspace = Path.cwd()
    pipeline = target.partition("@")[0]
    if (options.pull or options.push) and not has_remote():
        raise InputError(
            "the DVC repository has no default remote to pull from or push to; "
            "add one with: dvc remote add --default NAME PATH-OR-URL"
        )
    dag = read_dag()
    nodes = stages_of(target, options.until, dag.nodes)
    check_start(pipeline, options)
    waited = False

    def wait(words: str) -> None:
        nonlocal waited
        waited = True
        if waits is not None:
            waits(words)

    lock = hold(work_root() / "locks" / "run", "this workspace", wait if waits else None)
    with lock, contextlib.ExitStack() as stack:
        if waited:  # what was read before is of before the other run
            dag = read_dag()
            nodes = stages_of(target, options.until, dag.nodes)
        overrides = list(options.overrides)
        if options.seed is not None:
            overrides.append(f"{pipeline}.common.seed={options.seed}")
        choices, name = [*overrides, *start_name(pipeline, options)], None
        if choices:
            name = experiment_name(choices)
            stack.enter_context(experiment(name, overrides))
            if options.start:
                override(pin(pipeline, options, workspace))
            dag = read_dag()
            nodes = stages_of(target, options.until, dag.nodes)
        dag.check_readable(nodes)
        check_sources([node for node in nodes if node.name in dag.stale], dag.nodes)
        plan = Plan(target, nodes, dag, name, workspace)
        if pipeline in pipeline_names(read_params()) and (options.force or plan.stale):
            validate(pipeline, dag.nodes)
        yield plan
