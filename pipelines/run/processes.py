"""Start the processes of a run, each in its own process group, and shut them down gracefully."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from espalier.stages.process.parent import RUN, this_run

OUT_OF_TIME = "the time limit of this run is reached"
CANCELLED = "cancelled"
STOPPING_SECONDS = 25.0
"""Time allowed for writing a checkpoint; less than the 30 s after which Prefect kills a cancelled flow."""


class Stopped(Exception):
    """The run was stopped; no new process is started."""


class Processes:
    """Start and stop processes.

    To stop, send SIGINT to each group: the trainer writes a checkpoint and exits, dvc waits for it and releases its
    locks. (On SIGTERM, dvc would exit immediately and orphan the trainer.)
    """

    def __init__(self) -> None:
        self.stopped_for: str | None = None
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.RLock()  # reentrant: a signal handler may run while it is held

    @contextlib.contextmanager
    def start(self, command: Sequence[str], piped: bool = False) -> Iterator["subprocess.Popen[str]"]:
        """Start a process in its own group. With `piped`, stdout and stderr are combined in a readable pipe.

        Raises:
            Stopped: a stop was already requested.
        """
        with self._lock:
            if self.stopped_for is not None:
                raise Stopped(self.stopped_for)
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "bufsize": 1} if piped else {}
            process: subprocess.Popen[str] = subprocess.Popen(  # type: ignore[call-overload]
                command, env=_environment(), start_new_session=True, text=True, **pipes
            )
            self._running.add(process)
            if self.stopped_for is not None:  # a signal arrived meanwhile
                self._signal(signal.SIGINT)
        try:
            yield process
        finally:
            process.wait()
            with self._lock:
                self._running.discard(process)

    def interrupt(self, reason: str) -> None:
        """Send SIGINT to every group, once; start no new process from now on."""
        with self._lock:
            if self.stopped_for is None:
                self.stopped_for = reason
                self._signal(signal.SIGINT)

    def stop(self, reason: str) -> None:
        """Interrupt, wait for all processes to exit, and kill those that do not."""
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
        """Interrupt after this many seconds, unless the context exits first."""
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
    """Make `python` in dvc.yaml resolve to the current interpreter, even if no environment is activated."""
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": paths, "PYTHONUNBUFFERED": "1", RUN: this_run()}
