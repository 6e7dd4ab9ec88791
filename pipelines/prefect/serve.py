"""Serve flows: execute runs submitted through Prefect's page, a schedule or another program."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from espalier.data.errors import InputError
from espalier.pipelines.run.processes import STOPPING_SECONDS
from espalier.stages.config.params import PARAMS, choose, pipeline_names, read_params
from espalier.stages.process.interruption import handling

CLOSING_SECONDS = 5.0
"""Time allowed for Prefect's runner to close its connections."""


def serve_flows(
    flow_of: Callable[[str], Any],
    target: Any,
    pipelines: Sequence[str],
    cron: str | None,
    timezone: str,
    name: str | None,
) -> None:
    """Serve the flows of these pipelines (default: all in params.yaml) and the flow for any target, until interrupted.

    `flow_of`: the flow of a pipeline.

    Raises:
        InputError: no such pipeline, no DVC project, no server, or an invalid cron schedule.
    """
    params = read_params()
    every = pipeline_names(params)
    for pipeline in pipelines:
        choose({key: params[key] for key in every}, pipeline, str(PARAMS), "pipeline")
    schedule = _schedule(cron, timezone)
    from espalier.pipelines.prefect.server import require_server
    from espalier.pipelines.prefect.silent_runs import watch_for_silent_runs
    from espalier.pipelines.run.dag import nodes

    nodes()
    require_server()
    watch_for_silent_runs()
    _serve(flow_of, target, list(pipelines) or every, schedule, name or Path.cwd().name)


def _schedule(cron: str | None, timezone: str) -> Any:
    from prefect.schedules import Cron

    if cron is None:
        return None
    try:
        from prefect.client.schemas.schedules import CronSchedule

        CronSchedule(cron=cron, timezone=timezone)
    except ValueError as error:
        reason = error.errors()[0]["msg"] if hasattr(error, "errors") else str(error)
        raise InputError(
            f"--cron '{cron}' with --timezone {timezone} is invalid: {reason}; "
            "use five fields, such as '0 2 * * *' for 2 a.m. every night"
        ) from error
    return Cron(cron, timezone=timezone)


def _serve(flow_of: Callable[[str], Any], target: Any, pipelines: Sequence[str], schedule: Any, name: str) -> None:
    from prefect import serve

    # No concurrency limit of Prefect's: its lease is revoked when a run pauses, and the run crashes. The next run waits
    # for this process, or for the lock of the workspace.
    deployments: list[Any] = [flow_of(pipeline).to_deployment(name=name, schedule=schedule) for pipeline in pipelines]
    deployments.append(target.to_deployment(name=name))
    with ends_when_told():
        serve(*deployments, limit=1)


@contextlib.contextmanager
def ends_when_told() -> Iterator[None]:
    """Inside the context, SIGINT, SIGTERM and a lost terminal end the process within seconds, after the runs it started.

    Prefect's runner closes its connections first, and waits for a server that no longer answers.
    """

    def told(number: int, frame: FrameType | None) -> None:
        threading.Thread(target=_end, args=(128 + number,), daemon=True).start()
        raise KeyboardInterrupt

    with handling(told):
        yield


def _end(code: int) -> None:
    time.sleep(CLOSING_SECONDS)
    end = time.monotonic() + STOPPING_SECONDS
    while psutil.Process().children() and time.monotonic() < end:
        time.sleep(0.1)
    os._exit(code)
