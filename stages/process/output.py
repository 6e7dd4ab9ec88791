"""Output that nobody reads any more: a closed pipe, or a terminal that is gone."""

import errno
import os
import sys
from typing import Any, TextIO

GONE = (errno.EPIPE, errno.EIO)
"""What writing to a closed pipe, and to a terminal that is gone, fails with."""


class Output:
    """A stream that goes on when its reader is gone: what is written then is dropped, and `lost` is set."""

    lost = False

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            self._give_up(error)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        if error.errno not in GONE:
            raise error
        Output.lost = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def outlive_readers() -> None:
    """Let this process go on when nobody reads what it prints, so that it can write a checkpoint."""
    sys.stdout, sys.stderr = Output(sys.stdout), Output(sys.stderr)
