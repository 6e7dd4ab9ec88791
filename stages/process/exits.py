"""How a stage's process exits: a readable message and an exit code; no traceback for errors that users can fix.

| code | meaning |
|---|---|
| 0 | done |
| 1 | training failed, or the parent process is gone |
| 2 | bad input: retrying without a change cannot help |
| 130, 143 | interrupted (Ctrl-C), terminated; a checkpoint is written |
"""

import errno
import re
import shutil
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from espalier.data.errors import InputError
from espalier.stages.process.distribution import OUR_FOLDERS
from espalier.stages.process.interruption import Interrupted

PACKAGE = Path(__file__).parents[2]


class TrainingFailed(Exception):
    """Training cannot continue. The message gives the step, the term and what to do."""


class NotFinite(TrainingFailed):
    """A loss or a weight is not finite. Raised in all processes at the same step, so that all can heal."""


def run(main: Callable[[], int | None]) -> int:
    """Run a stage's main function; returns the exit code."""
    try:
        return main() or 0
    except InputError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return exit_code_of(error)
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
    except Exception as error:
        sentence = disk_trouble(error) or own_trouble(error)
        if sentence is None:
            raise
        print(f"error: {sentence}", file=sys.stderr, flush=True)
        return exit_code_of(error)


def exit_code_of(error: BaseException) -> int:
    """The exit code of a process that ends with this error, which is no interruption."""
    return 2 if isinstance(error, InputError) else 1


def own_trouble(error: BaseException) -> str | None:
    """One sentence if an error was raised in the user's own code: a trick, network or loss of the project. None if it was not."""
    here, others = Path.cwd(), [Path(sys.prefix), *(PACKAGE / name for name in OUR_FOLDERS)]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_relative_to(here) and not any(file.is_relative_to(folder) for folder in others):
            return (
                f"{file.relative_to(here)}, line {frame.lineno}, in {frame.name}: {type(error).__name__}: {error}\n"
                f"    {frame.line}\nMend it and run again: checkpoints are kept"
            )
    return None


DISK = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "the file cannot be written or read, its permissions forbid it",
    errno.EPERM: "the file cannot be written or read, its permissions forbid it",
    errno.EIO: "the disk failed (input/output error)",
}
NUMBERED = re.compile(r"os error (\d+)|[Ee]rrno (\d+)|\(error (\d+)\)")
FULL_DISK = re.compile(
    r"No space left|PytorchStreamWriter failed writing|unexpected pos \d+ vs \d+|\d+ requested and \d+ written"
)


def disk_trouble(error: BaseException) -> str | None:
    """One sentence if a disk is the cause of an error, whichever library raised it: safetensors, PyTorch, NumPy, Pillow have
    errors of their own. None if it is not."""
    number = error.errno if isinstance(error, OSError) and error.errno is not None else _number_in(str(error))
    cause = error.__cause__ or error.__context__
    if number not in DISK:
        return disk_trouble(cause) if cause is not None else None
    place = Path(getattr(error, "filename", None) or Path.cwd())
    return f"{DISK[number]} ({place}; {_free(place)}); mend that and run again: existing files and checkpoints are kept"


def _number_in(text: str) -> int | None:
    """The error number that a library put into its message."""
    named = NUMBERED.search(text)
    if named:
        return int(next(group for group in named.groups() if group))
    return errno.ENOSPC if FULL_DISK.search(text) else None


def _free(place: Path) -> str:
    there = next(folder for folder in (place, *place.absolute().parents) if folder.exists())
    return f"{shutil.disk_usage(there).free / 2**20:,.0f} MiB free"
