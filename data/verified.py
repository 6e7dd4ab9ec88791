"""Which large files were found to have their digest, so that no start, resume or process reads them again for it.

A file is known by its inode, size and time of change, as in git and DVC: one that was written since is read again.
"""

import hashlib
import time
from pathlib import Path

from espalier.data.files import make_folder

LARGE = 1_000_000
"""Bytes from which it is worth noting."""
SETTLED_SECONDS = 2.0
"""Age of a change from which another one has another time."""


def is_verified(file: Path, digest: str) -> bool:
    """Whether this file, as it is, was found to have this digest."""
    mark = _mark(file, digest)
    return mark is not None and mark.exists()


def note_verified(file: Path, digest: str) -> None:
    """Note that this file, as it is, has this digest."""
    mark = _mark(file, digest)
    if mark is not None and time.time() - file.stat().st_mtime > SETTLED_SECONDS:
        make_folder(mark.parent)
        mark.touch()


def _mark(file: Path, digest: str) -> Path | None:
    """An empty file in .work of the DVC project that holds this one; None for small files, and outside of projects."""
    found = file.stat()
    if found.st_size < LARGE:
        return None
    root = next((folder for folder in file.resolve().parents if (folder / ".dvc").is_dir()), None)
    known = f"{found.st_dev} {found.st_ino} {found.st_size} {found.st_mtime_ns} {digest}"
    return None if root is None else root / ".work" / "verified" / hashlib.sha256(known.encode()).hexdigest()[:32]
