"""The folder where a stage trains, and the locks that keep a second trainer out of it."""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from espalier.data.errors import InputError
from espalier.data.files import write_json

CHECKPOINT = re.compile(r"step-(\d{8,})-([0-9a-f]{16})\.pt")
"""A checkpoint file: its step, and the first digits of its content's SHA-256."""
SECTION = "section.json"
"""In a work folder: what params.yaml gave the stage that trains there, and how many steps it has."""
FAILED = "failed.txt"
"""In a work folder: why its training cannot go on."""


def work_root() -> Path:
    """`.work` in the main workspace.

    DVC names the main workspace in DVC_ROOT, even where it runs an experiment in a temporary copy: so a killed
    experiment finds its checkpoint again. Without DVC it is the nearest folder above that DVC manages.
    """
    if "DVC_ROOT" in os.environ:
        return Path(os.environ["DVC_ROOT"]) / ".work"
    here = Path.cwd()
    managed = [folder for folder in (here, *here.parents) if (folder / ".dvc").is_dir()]
    return (managed[0] if managed else here) / ".work"


def work_folder(name: str, key: str) -> Path:
    """Where the stage of this name trains under this key."""
    return work_root() / name / key


@contextmanager
def hold(lock: Path, what: str) -> Iterator[None]:
    """Hold a lock file while inside; the kernel frees it however this process dies.

    Raises:
        InputError: another process holds it; with that process's number.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f"{what} is being trained by process {holder(lock) or 'unknown'}; wait for it, or stop it with "
                f"Ctrl-C or 'kill {holder(lock) or 'PID'}' (it writes a checkpoint and leaves)"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
        file.truncate(0)


def holder(lock: Path) -> int | None:
    """The number of the process that holds a lock file, if one does."""
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
    """Add to how long has been trained in a work folder: time decides nothing, so artifacts hold none."""
    write_json(folder / "seconds.json", {"seconds": round(seconds_of(folder) + seconds, 1)})


def seconds_of(folder: Path) -> float:
    """How long has been trained in a work folder; 0 where that is not known."""
    try:
        return float(json.loads((folder / "seconds.json").read_text(encoding="utf-8"))["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0


def artifact_lock(artifact: Path) -> Path:
    """The lock of a published folder: two configurations of a stage train apart but publish to one place."""
    place = hashlib.sha256(str(artifact.resolve()).encode()).hexdigest()[:16]
    return work_root() / "locks" / f"{artifact.name}-{place}"


def checkpoints_in(folder: Path) -> list[tuple[int, Path]]:
    """(step, path) of each checkpoint in a folder, newest first."""
    found = [(int(match[1]), path) for path in folder.glob("step-*.pt") if (match := CHECKPOINT.fullmatch(path.name))]
    return sorted(found, reverse=True)
