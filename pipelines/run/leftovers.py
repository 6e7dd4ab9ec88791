"""What a killed dvc leaves behind in a workspace, and later commands trip over."""

import contextlib
import json
from pathlib import Path
from typing import Any

import psutil
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from espalier.data.errors import InputError
from espalier.data.files import whole_file
from espalier.stages.artifacts.workfolder import hold, work_root

RWLOCK, LOCK = Path(".dvc/tmp/rwlock"), Path("dvc.lock")


def clear_rwlock() -> str:
    """Clear DVC's list of the paths in use of entries of processes that are no dvc of this workspace. Returns what was done.

    DVC itself keeps an entry as long as a process has its number, also when a restart of the machine has given it to another
    one. While a run of this workspace is going on, nothing is done.
    """
    if _stale() is None:
        return ""
    with contextlib.suppress(InputError), hold(work_root() / "locks" / "run", "this workspace"):
        left = _stale()
        if left is None:
            return ""
        if not left:
            RWLOCK.unlink()
            return f"{RWLOCK} was damaged by a killed dvc and is removed"
        with whole_file(RWLOCK) as partial:
            partial.write_text(json.dumps(left), encoding="utf-8")
        return f"{RWLOCK} named a dvc that is gone, and is cleared"
    return ""


def _stale() -> dict[str, Any] | None:
    """What should be left of the list: nothing if it cannot be read; None if it is as it should be."""
    try:
        found: dict[str, Any] = json.loads(RWLOCK.read_text(encoding="utf-8"))
        writes = {path: one for path, one in found.get("write", {}).items() if _is_our_dvc(int(one["pid"]))}
        reads = {
            path: [one for one in of if _is_our_dvc(int(one["pid"]))] for path, of in found.get("read", {}).items()
        }
    except OSError:
        return None
    except (ValueError, AttributeError, TypeError, KeyError):
        return {}
    left = {"write": writes, "read": {path: of for path, of in reads.items() if of}}
    return None if left == {"write": {}, "read": {}} | found else left


def _is_our_dvc(number: int) -> bool:
    try:
        process = psutil.Process(number)
        return any("dvc" in Path(word).name for word in process.cmdline()) and Path(process.cwd()) == Path.cwd()
    except (psutil.Error, OSError):
        return False


def check_lock() -> None:
    """Check that dvc.lock can be read.

    Raises:
        InputError: it cannot; says how to restore it.
    """
    if not LOCK.is_file():
        return
    try:
        found = YAML(typ="safe").load(LOCK)
    except (YAMLError, UnicodeDecodeError) as error:
        found = error
    if not isinstance(found, dict):
        raise InputError(
            f"{LOCK} is damaged; restore it with 'git checkout {LOCK}', or remove it if it is not in git: DVC then runs every "
            "stage again, and what is trained in .work is published without training"
        )
