"""Who started this process, and whether it is still there."""

import os

import psutil

SHELLS = {"sh", "dash", "ash", "bash", "zsh", "ksh", "mksh", "fish"}


class Starter:
    """The process that ran this one's command: the parent, or what is behind the shell that is the parent.

    DVC runs a command by a shell. Some shells (bash, zsh) put the command in their own place; others (dash, which
    is Debian's `sh`) stay between the two, and outlive a DVC that is killed.
    """

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._behind: int | None = None
        try:
            shell = psutil.Process(self._parent)
            if shell.name() in SHELLS:
                self._shell, self._behind = shell, shell.ppid()
        except psutil.Error:  # gone already, or not for us to see: the parent alone is watched
            pass

    def is_gone(self) -> bool:
        """Whether it has ended since this process noted it."""
        if os.getppid() != self._parent:
            return True
        try:
            return self._behind is not None and self._shell.ppid() != self._behind
        except psutil.Error:
            return True


STARTER = Starter()
"""Noted before the slow imports, during which it may already end."""
