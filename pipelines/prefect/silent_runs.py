"""Mark runs as crashed whose machine is gone: their heartbeats have stopped.

Prefect's automation for this counts the time in which the server itself was away: after a restart, it marks every run that
was training or waiting meanwhile. This watch starts anew whenever the server, or this process, was away.
"""

import threading
import time
from datetime import UTC, datetime, timedelta

import httpx
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.events.filters import EventFilter, EventNameFilter, EventOccurredFilter, EventResourceFilter
from prefect.states import Crashed

HEARTBEAT, SILENT_SECONDS, LOOK_SECONDS = "prefect.flow-run.heartbeat", 90.0, 10.0
"""Flows send a heartbeat every 30 s, see prefect.toml."""


def watch_for_silent_runs() -> None:
    """From now on, in a thread of this process, mark runs that send no more heartbeats as crashed."""
    threading.Thread(target=_watch, name="silent runs", daemon=True).start()


def _watch() -> None:
    heard_since = looked = time.time()  # a clock that goes on while the machine sleeps
    while True:
        now = time.time()
        try:
            with get_client(sync_client=True) as client:
                if now - looked > SILENT_SECONDS / 2:
                    heard_since = now
                looked = now
                for run in _under_way(client):
                    if now - heard_since > SILENT_SECONDS and _is_silent(client, run):
                        message = f"no heartbeat for {SILENT_SECONDS:g} s: its process is gone"
                        client.set_flow_run_state(run.id, Crashed(message=message))
        except httpx.HTTPError:  # the server is away
            looked = 0.0
        time.sleep(LOOK_SECONDS)


def _under_way(client: SyncPrefectClient) -> list[FlowRun]:
    under_way = [StateType.RUNNING.value, StateType.PAUSED.value]
    chosen = FlowRunFilter.model_validate({"state": {"type": {"any_": under_way}}})
    found: list[FlowRun] = client.read_flow_runs(flow_run_filter=chosen)
    return found


def _is_silent(client: SyncPrefectClient, run: FlowRun) -> bool:
    """Whether a run has sent heartbeats, but none for a while; one that never sends any cannot be judged."""
    return not _heard(client, run, timedelta(seconds=SILENT_SECONDS)) and _heard(client, run, timedelta(days=30))


def _heard(client: SyncPrefectClient, run: FlowRun, within: timedelta) -> bool:
    lately = EventOccurredFilter.model_validate({"since": datetime.now(UTC) - within})
    of_it = EventResourceFilter(id=[f"prefect.flow-run.{run.id}"])
    chosen = EventFilter(event=EventNameFilter(name=[HEARTBEAT]), resource=of_it, occurred=lately)
    return client.read_events(chosen, limit=1).total > 0
