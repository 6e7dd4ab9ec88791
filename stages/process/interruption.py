"""Graceful shutdown: on Ctrl-C, a termination signal, or when the parent or the reader of the output is gone."""

import os
import signal
from types import FrameType, TracebackType

from espalier.stages.process.parent import STARTER


class Interrupted(Exception):
    """Training stopped on request, with a checkpoint written. `code` is the process's exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Interruption:
    """A context that records SIGINT and SIGTERM instead of dying from them, and watches the parent process.

    The parent is watched only under DVC, which orphans its child when killed. A training run started by hand may outlive
    its terminal.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self.unheard = False
        self._watched = "DVC_STAGE" in os.environ

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = number

    def __enter__(self) -> "Interruption":
        self._before = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def note_broken_pipe(self) -> None:
        """Record that nothing reads the output of this process any more: its parent has been killed."""
        self.unheard = True

    def wanted(self) -> bool:
        """Whether training should stop now."""
        return self.unheard or self.signal is not None or (self._watched and STARTER.is_gone())

    def reason(self) -> tuple[str, int]:
        """The reason as text, and the exit code."""
        if self.signal is None:
            return "orphaned: the run that started it is gone", 1
        return {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}[
            signal.Signals(self.signal)
        ], 128 + self.signal
