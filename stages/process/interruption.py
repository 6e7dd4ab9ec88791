"""Graceful shutdown: on Ctrl-C, a termination signal, or when the parent or the reader of the output is gone."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

from espalier.stages.process.output import Output
from espalier.stages.process.parent import STARTER


class Interrupted(Exception):
    """Training stopped on request, with a checkpoint written. `code` is the process's exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


SIGNALS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "left by its terminal"}


def handled() -> list[signal.Signals]:
    """The signals that end a stage in good order. Not SIGHUP where it is ignored, as under nohup; but always SIGINT, which a
    shell ignores for what it starts in the background, and which `espalier run` sends."""
    return [number for number in SIGNALS if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN]


@contextmanager
def handling(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Inside the context, those signals call this handler."""
    before = {number: signal.signal(number, handler) for number in handled()}
    try:
        yield
    finally:
        for number, one in before.items():
            signal.signal(number, one)


class Interruption:
    """A context that records the signals that end a process instead of dying from them.

    `leave_with_starter` sends one when the parent is gone: under DVC, which orphans its child when killed, and under
    `espalier run`.
    """

    def __init__(self) -> None:
        self.signal: int | None = None

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = number

    def __enter__(self) -> "Interruption":
        self._handlers = handling(self._note)
        self._handlers.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._handlers.__exit__(kind, error, trace)

    def reason(self) -> tuple[str, int] | None:
        """Why training should stop now, as text, and the exit code; None if it should not."""
        if not Output.lost and self.signal is None:
            return None
        if STARTER.is_gone() or self.signal is None:
            return "orphaned: the run that started it is gone", 1
        return SIGNALS[signal.Signals(self.signal)], 128 + self.signal


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Inside the context, a signal ends what is done by an exception, so that nothing half-written is left behind.

    Raises:
        Interrupted: a signal came.
    """

    def end(number: int, frame: FrameType | None) -> None:
        gone = STARTER.is_gone()
        why = "its run is gone" if gone else SIGNALS[signal.Signals(number)]
        raise Interrupted(f"{why}; nothing was published", 1 if gone else 128 + number)

    with handling(end):
        yield
