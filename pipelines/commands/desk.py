"""A local run: one `dvc repro` in the foreground, without a server."""

import sys
from collections.abc import Callable
from pathlib import Path

from espalier.pipelines.run.options import RunOptions
from espalier.pipelines.run.plan import Plan, planned
from espalier.pipelines.run.processes import OUT_OF_TIME, Processes
from espalier.pipelines.run.repro import dvc, repro, repro_command
from espalier.stages.config.params import read_params

UNFINISHED = 3
"""Exit code of a run that reached its time limit."""


Finished = Callable[[str, Path], None]
"""Told the pipeline and its last artifact at the end of a run, if the pipeline asks for a report."""


def run_at_desk(target: str, options: RunOptions, finished: Finished = lambda pipeline, artifact: None) -> int:
    """Run a target's stages. Returns dvc's exit code, or 3 if the time limit was reached.

    Raises:
        InputError: any error that can be detected before training.
    """
    with planned(target, options) as plan:
        return _run(plan, options, finished)


def _run(plan: Plan, options: RunOptions, finished: Finished) -> int:
    from espalier.pipelines.commands.status import as_table, console, states

    names, processes = [node.name for node in plan.nodes], Processes()
    work = bool(options.force or options.pull or plan.stale or plan.experiment)
    command = repro_command(names, force=options.force, pull=options.pull)
    code = repro(command, processes, options.seconds) if work else 0
    if processes.stopped_for == OUT_OF_TIME:
        print(f"{OUT_OF_TIME}; run the same command to resume", file=sys.stderr)
        return UNFINISHED
    if code and processes.stopped_for is not None:
        print(
            "interrupted, which is what dvc's last lines mean; nothing is lost: the same command resumes",
            file=sys.stderr,
        )
    if code == 0 and options.push and processes.stopped_for is None:
        code = repro(dvc("push", "--run-cache", *names), processes)
    if code:
        return code
    console().print(as_table([state for state in states(None if work else plan.dag) if state.name in names]))
    plan.finish()
    if plan.experiment is not None:
        print(f"\nsaved as experiment {plan.experiment}; the workspace is unchanged. To list experiments: dvc exp show")
        print(f"to apply it to the workspace: dvc exp apply {plan.experiment}")
        return 0
    last = plan.nodes[-1].artifact
    if (last / "samples.png").is_file():
        print(f"\nsamples: {last / 'samples.png'}\nmore:    espalier sample {last} -n 64 --seed 1 -o grid.png")
        section = read_params().get(plan.target)
        if not options.until and isinstance(section, dict) and section.get("report"):
            finished(plan.target, last)
    return 0
