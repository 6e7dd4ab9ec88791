"""Send reports to Prefect's server from a separate thread, so that a dead or slow server never blocks training."""

import contextvars
import threading
import time
from collections.abc import Callable
from typing import cast
from uuid import UUID

AGAIN_SECONDS = 2.0


class Reporter:
    """Send reports in order, retrying until the server accepts them.

    A report replaces an unsent report with the same key.
    """

    def __init__(self) -> None:
        self._pending: dict[str, tuple[contextvars.Context, Callable[[], object]]] = {}
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._send_all, name="reporter", daemon=True)
        self._thread.start()

    def send(self, key: str, report: Callable[[], object]) -> None:
        """Queue a report; it is called in the current run's context."""
        with self._wake:
            self._pending[key] = (contextvars.copy_context(), report)
            self._wake.notify()

    def close(self, seconds: float) -> None:
        """Wait until all reports are sent, for at most `seconds`."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(seconds)

    def _send_all(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._pending or self._closing)
                if not self._pending:
                    return
                key = next(iter(self._pending))
                context, report = self._pending.pop(key)
            try:
                context.run(report)
            except Exception:  # any error of a server that is down, starting or broken
                with self._wake:
                    self._pending.setdefault(key, (context, report))
                time.sleep(AGAIN_SECONDS)


class LiveProgress:
    """The progress artifact of a stage: created at the first report, then updated."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._made: UUID | None = None

    def show(self, percent: float, words: str) -> None:
        """Set the progress to this percentage."""
        from prefect.artifacts import create_progress_artifact, update_progress_artifact

        if self._made is None:
            self._made = cast(UUID, create_progress_artifact(percent, key=self.key, description=words))
        else:
            update_progress_artifact(self._made, percent, description=words)
