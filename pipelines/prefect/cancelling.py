"""Notice that this flow run is being cancelled, also after the server was away.

Prefect's runner asks the server for that, and gives up for good when it has been away for half a minute.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
from prefect import get_client
from prefect.context import FlowRunContext

LOOK_SECONDS = 10.0


@contextmanager
def noticing_cancellation(stop: Callable[[], None]) -> Iterator[None]:
    """Inside the context, `stop` is called once if this flow run is set to cancelling."""
    context, done = FlowRunContext.get(), threading.Event()
    assert context is not None and context.flow_run is not None
    run = context.flow_run.id

    def watch() -> None:
        while not done.wait(LOOK_SECONDS):
            try:
                with get_client(sync_client=True) as client:
                    state = client.read_flow_run(run).state
            except httpx.HTTPError:  # the server is away
                continue
            if state is not None and state.is_cancelling():
                stop()
                return

    threading.Thread(target=watch, name="cancelling", daemon=True).start()
    try:
        yield
    finally:
        done.set()
