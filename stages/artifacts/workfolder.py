"""The work folder of a stage, and the locks that prevent two processes from training in it."""

import contextlib
import fcntl
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from espalier.data.errors import InputError
from espalier.data.files import make_folder, write_json
from espalier.stages.process.torchrun import is_launched

CHECKPOINT = re.compile(r"step-(\d{8,})-([0-9a-f]{16})\.pt")
"""Name of a checkpoint file: its step, and the first digits of its content's SHA-256."""
SECTION = "section.json"
"""In a work folder: the section of params.yaml of its stage, and its number of steps."""
FAILED = "failed.txt"
"""In a work folder: why its training cannot continue."""


def work_root() -> Path:
    """`.work` in the main workspace.

    DVC sets DVC_ROOT to the main workspace even when it runs an experiment in a temporary copy, so a killed experiment
    finds its checkpoint again. Outside DVC, the nearest enclosing folder with a .dvc folder is used.
    """
    if "DVC_ROOT" in os.environ:
        return Path(os.environ["DVC_ROOT"]) / ".work"
    here = Path.cwd()
    managed = [folder for folder in (here, *here.parents) if (folder / ".dvc").is_dir()]
    return (managed[0] if managed else here) / ".work"


def work_folder(name: str, key: str) -> Path:
    """The work folder of a stage with this name and key."""
    return work_root() / name / key


@contextmanager
def hold(lock: Path, what: str, waits: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold a lock file inside the context. The kernel releases it however this process ends.

    With `waits`, wait for the process that holds it, which is said to this function once.

    Raises:
        InputError: another process holds it; gives its PID.
    """
    make_folder(lock.parent)
    with lock.open("a+") as file:
        if not _taken(file):
            who = holder(lock)
            if waits is None:
                raise InputError(
                    f"{what} is in use by process {who or 'unknown'}; wait for it, or stop it with Ctrl-C or "
                    f"'kill {who or 'PID'}' (it writes a checkpoint and exits)"
                )
            waits(f"{what} is in use by process {who or 'unknown'}; waiting for it")
            while not _taken(file):
                time.sleep(1)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
        file.truncate(0)


def _taken(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def holder(lock: Path) -> int | None:
    """The PID of the process that holds a lock file, if any."""
    try:
        with lock.open("r") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read() or 0)
    except (FileNotFoundError, ValueError):
        return None
    return None


def note_seconds(folder: Path, seconds: float) -> None:
    """Add to the training time of a work folder. It does not affect results, so artifacts do not record it."""
    write_json(folder / "seconds.json", {"seconds": round(seconds_of(folder) + seconds, 1)})


def seconds_of(folder: Path) -> float:
    """Training time of a work folder in seconds; 0 if unknown."""
    try:
        return float(json.loads((folder / "seconds.json").read_text(encoding="utf-8"))["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0


@contextmanager
def alone(artifact: Path) -> Iterator[None]:
    """Hold the lock beside an artifact: two configurations, or two workspaces on one disk, may publish to the same place.

    The worker processes of one training do not hold it; the process that started them does.

    Raises:
        InputError: another process makes this artifact; gives its PID.
    """
    lock = artifact.parent / f".{artifact.name}.lock"
    with contextlib.nullcontext() if is_launched() else hold(lock, str(artifact)):
        yield


def checkpoints_in(folder: Path) -> list[tuple[int, Path]]:
    """(step, path) of each checkpoint in a folder, newest first."""
    found = [(int(match[1]), path) for path in folder.glob("step-*.pt") if (match := CHECKPOINT.fullmatch(path.name))]
    return sorted(found, reverse=True)
