"""Ask a person on Prefect's page, and wait for the answer: for days, and while the server is away."""

import time
from typing import Any, Literal

import httpx
from prefect import get_client
from prefect.context import FlowRunContext
from prefect.exceptions import CancelledRun
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput, keyset_from_paused_state, read_flow_run_input
from prefect.states import Paused
from pydantic import Field

DAYS_TO_ANSWER = 7
POLL_SECONDS = 2


class Approval(RunInput):
    """A user's decision on a stage that missed its gate."""

    decision: Literal["approve", "reject"] = Field(description="approve: continue the chain; reject: end it here")
    comment: str = Field(default="", description="recorded in the run's log")


def ask(page: str, key: str) -> Approval:
    """Pause the flow with this Markdown page until a user approves or rejects. `key`: of this question within the run."""
    form = Approval.with_initial_data(description=page)
    while True:
        try:
            return pause_flow_run(form, timeout=DAYS_TO_ANSWER * 86400, poll_interval=POLL_SECONDS, key=key)
        except httpx.HTTPError as error:
            if not _is_away(error):
                raise
        said = _answer_after_absence(form, key)
        if said is not None:
            return said


def _is_away(error: httpx.HTTPError) -> bool:
    """Whether the server is away, or starting or stopping; otherwise it refuses."""
    return not isinstance(error, httpx.HTTPStatusError) or error.response.status_code >= 500


def _answer_after_absence(form: type[RunInput], key: str) -> Approval | None:
    """The answer, as soon as there is one. None if the run was not paused before the server went away."""
    context = FlowRunContext.get()
    assert context is not None and context.flow_run is not None
    keyset = keyset_from_paused_state(Paused(pause_key=key))
    end = time.monotonic() + DAYS_TO_ANSWER * 86400
    while time.monotonic() < end:
        try:
            with get_client(sync_client=True) as client:
                state = client.read_flow_run(context.flow_run.id).state
            if state is not None and state.is_running():
                given: Any = read_flow_run_input(keyset["response"])
                return None if given is None else Approval(**given)
            if state is not None and (state.is_cancelling() or state.is_final()):
                raise CancelledRun("cancelled while it waited for an answer")
            if state is not None and state.is_paused() and read_flow_run_input(keyset["schema"]) is None:
                form.save(keyset)
        except httpx.HTTPError as error:
            if not _is_away(error):
                raise
        time.sleep(POLL_SECONDS)
    raise TimeoutError(f"nobody answered within {DAYS_TO_ANSWER} days")
