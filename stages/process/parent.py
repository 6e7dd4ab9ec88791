"""The process that started this one, and whether it is still running."""

import os
import signal
import threading
import time

import psutil

RUN = "ESPALIER_RUN"
"""The `espalier run` behind a process, as PID and start time: if it is killed, dvc between the two goes on."""
WATCH_SECONDS = 0.5
SHELLS = {"sh", "dash", "ash", "bash", "zsh", "ksh", "mksh", "fish"}


class Starter:
    """The process that started this one: its parent, or the parent of the shell if the parent is a shell.

    DVC runs commands in a shell. Some shells (bash, zsh) replace themselves with the command (exec); others (dash, Debian's
    `sh`) stay in between, and outlive a killed DVC.
    """

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._behind: int | None = None
        try:
            shell = psutil.Process(self._parent)
            if shell.name() in SHELLS:
                self._shell, self._behind = shell, shell.ppid()
        except psutil.Error:  # already gone, or not accessible: watch the parent only
            pass

    def is_gone(self) -> bool:
        """Whether it has exited since this process recorded it, or the `espalier run` behind it. False if started by hand."""
        return (RUN in os.environ and not _runs(os.environ[RUN])) or ("DVC_STAGE" in os.environ and self._has_exited())

    def _has_exited(self) -> bool:
        if os.getppid() != self._parent:
            return True
        try:
            return self._behind is not None and self._shell.ppid() != self._behind
        except psutil.Error:
            return True


def this_run() -> str:
    """This process, for the variable RUN of the processes that it starts."""
    return f"{os.getpid()}:{psutil.Process().create_time()}"


def _runs(run: str) -> bool:
    number, _, begun = run.partition(":")
    try:
        return abs(psutil.Process(int(number)).create_time() - float(begun)) < 1
    except (psutil.Error, ValueError):
        return False


def leave_with_starter() -> None:
    """From now on, interrupt this process as soon as its starter is gone."""

    def watch() -> None:
        while not STARTER.is_gone():
            time.sleep(WATCH_SECONDS)
        os.kill(os.getpid(), signal.SIGINT)

    if RUN in os.environ or "DVC_STAGE" in os.environ:
        threading.Thread(target=watch, daemon=True).start()


STARTER = Starter()
"""Recorded before the slow imports, during which it may already exit."""
