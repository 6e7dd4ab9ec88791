"""The processes a run has started, each in a group of its own, and how all of them are stopped in good order."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

OUT_OF_TIME = "the time given to this run is over"
CANCELLED = "cancelled"
STOPPING_SECONDS = 25.0
"""For a checkpoint to be written; below the 30 s after which prefect kills a cancelled flow."""


class Stopped(Exception):
    """The run was stopped; nothing new is started."""


class Processes:
    """Starts processes and stops them.

    A stop is SIGINT to each group: the trainer writes a checkpoint and leaves, dvc waits for it and cleans its
    locks. (At SIGTERM dvc would die at once and leave the trainer an orphan.)
    """

    def __init__(self) -> None:
        self.stopped_for: str | None = None
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.RLock()  # a signal handler may come while it is held

    @contextlib.contextmanager
    def start(self, command: Sequence[str], piped: bool = False) -> Iterator["subprocess.Popen[str]"]:
        """A process in a group of its own; `piped`: its output, stdout and stderr together, can be read.

        Raises:
            Stopped: a stop was asked for before.
        """
        with self._lock:
            if self.stopped_for is not None:
                raise Stopped(self.stopped_for)
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "bufsize": 1} if piped else {}
            process: subprocess.Popen[str] = subprocess.Popen(  # type: ignore[call-overload]
                command, env=_environment(), start_new_session=True, text=True, **pipes
            )
            self._running.add(process)
            if self.stopped_for is not None:  # a signal came in the midst of this
                self._signal(signal.SIGINT)
        try:
            yield process
        finally:
            process.wait()
            with self._lock:
                self._running.discard(process)

    def interrupt(self, reason: str) -> None:
        """SIGINT to every group, once; nothing new is started from now on."""
        with self._lock:
            if self.stopped_for is None:
                self.stopped_for = reason
                self._signal(signal.SIGINT)

    def stop(self, reason: str) -> None:
        """Interrupt, wait for all to leave, and kill those that do not."""
        self.interrupt(reason)
        end = time.monotonic() + STOPPING_SECONDS
        while self._running and time.monotonic() < end:
            time.sleep(0.05)
        with self._lock:
            self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        for process in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)

    @contextlib.contextmanager
    def deadline(self, seconds: float | None) -> Iterator[None]:
        """Interrupt after so many seconds, unless left before."""
        if seconds is None:
            yield
            return
        timer = threading.Timer(seconds, self.interrupt, args=[OUT_OF_TIME])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _environment() -> dict[str, str]:
    """dvc.yaml says `python`: let it be the one that runs this, also where no environment is activated."""
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": paths, "PYTHONUNBUFFERED": "1"}
