"""Atomic writes: a crash, a kill or a full disk leaves either the old or the new version, never a partial one."""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """A second name for a file that nothing writes to again, which takes no space; a copy where the disk has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(path: Path) -> None:
    """Make a folder and those above it; each new one is on the disk in the one above."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync(folder.parent)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to. On exit it is synced and replaces `path`; on an error it is removed."""
    make_folder(path.parent)
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        sync(partial)
        partial.replace(path)
        sync(path.parent)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder to fill. On exit it is synced and replaces `path`; on an error it is removed."""
    make_folder(path.parent)
    partial, old = path.with_name(f".{path.name}.partial"), path.with_name(f".{path.name}.old")
    for leftover in (partial, old):
        shutil.rmtree(leftover, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        for written in (partial, *partial.rglob("*")):
            if written.is_file() or written.is_dir():
                sync(written)
        if path.exists():
            path.rename(old)
        partial.rename(path)
        sync(path.parent)
    finally:
        for leftover in (partial, old):
            shutil.rmtree(leftover, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON atomically. What is no number becomes null: JSON has no NaN, and other readers refuse it."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps(valid_json(value), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def valid_json(value: Any) -> Any:
    """The value with null in place of what is no number."""
    if isinstance(value, dict):
        return {key: valid_json(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [valid_json(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
