"""The process that started this one, and whether it is still running."""

import os

import psutil

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
        """Whether it has exited since this process recorded it."""
        if os.getppid() != self._parent:
            return True
        try:
            return self._behind is not None and self._shell.ppid() != self._behind
        except psutil.Error:
            return True


STARTER = Starter()
"""Recorded before the slow imports, during which it may already exit."""
