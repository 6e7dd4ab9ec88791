"""How a stage's process ends: a sentence for people and an exit code, never a traceback for what they can mend.

| code | meaning |
|---|---|
| 0 | done |
| 1 | training failed, or who started it is gone |
| 2 | bad input: trying again without a change cannot help |
| 130, 143 | interrupted (Ctrl-C), terminated; a checkpoint is written |
"""

import errno
import sys
from collections.abc import Callable

from espalier.data.errors import InputError
from espalier.stages.process.interruption import Interrupted


class TrainingFailed(Exception):
    """Training cannot go on; the message says at which step, which term, and what to do."""


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
            f"error: the disk is full ({error.filename or error}); free some space and run it again: "
            "what was written before is kept",
            file=sys.stderr,
            flush=True,
        )
        return 1
