"""How a stage's process exits: a readable message and an exit code; no traceback for errors that users can fix.

| code | meaning |
|---|---|
| 0 | done |
| 1 | training failed, or the parent process is gone |
| 2 | bad input: retrying without a change cannot help |
| 130, 143 | interrupted (Ctrl-C), terminated; a checkpoint is written |
"""

import errno
import sys
from collections.abc import Callable

from espalier.data.errors import InputError
from espalier.stages.process.interruption import Interrupted


class TrainingFailed(Exception):
    """Training cannot continue. The message gives the step, the term and what to do."""


def run(main: Callable[[], int | None]) -> int:
    """Run a stage's main function; returns the exit code."""
    try:
        return main() or 0
    except InputError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return 2
    except TrainingFailed as error:
        print(f"error: training failed: {error}", file=sys.stderr, flush=True)
        return 1
    except Interrupted as stop:
        if str(stop):
            print(stop, file=sys.stderr, flush=True)
        return stop.code
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr, flush=True)
        return 130
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(
            f"error: the disk is full ({error.filename or error}); free some space and run again; "
            "existing files are kept",
            file=sys.stderr,
            flush=True,
        )
        return 1
