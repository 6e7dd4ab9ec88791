"""A disk that fails at a chosen file-system call, and what is left on it.

Three ways to fail, from the kindest to the worst that a file system is allowed:

| way | what is left |
|---|---|
| `kill` | all that was written: the process died, the machine went on |
| `names` | every name, but a file that was not synced since it was written is empty: ext4 without barriers, XFS |
| `nothing` | only what was synced: a file's bytes by fsync of the file, its name by fsync of the folder |

Only calls that change names, and syncs, are counted and can fail: between two of them, files differ only in bytes that nothing
has relied on yet.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from unittest import mock

Way = Literal["kill", "names", "nothing"]
WAYS: tuple[Way, ...] = ("kill", "names", "nothing")
CALLS = ("rename", "replace", "unlink", "remove", "mkdir", "rmdir", "fsync")
DIED = 9
"""Exit code of a process that died with its disk."""


class Disk:
    """The folders below `root`. At the `at`-th call the process dies, and `root` is what that way leaves. Without `at`, the
    calls are only counted."""

    def __init__(self, root: Path, at: int | None = None, way: Way = "kill") -> None:
        self.root, self.at, self.way = root, at, way
        self.count = 0
        self._bytes: dict[int, bytes] = {}  # of each file that was synced, by inode
        self._names: dict[int, dict[str, int]] = {}  # of each folder that was synced
        self._kept: list[Any] = []  # open files: no inode number is used twice
        for folder, _, files in os.walk(root):
            self._sync_folder(Path(folder))
            for name in files:
                self._sync_file(Path(folder, name))

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Inside the context, this process's calls are counted and fail."""
        patches = [mock.patch.object(os, name, self._counted(getattr(os, name))) for name in CALLS]
        for patch in patches:
            patch.start()
        try:
            yield
        finally:
            for patch in patches:
                patch.stop()

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(path: Any, *arguments: Any, **named: Any) -> Any:
            place = (Path(f"/proc/self/fd/{path}").readlink() if isinstance(path, int) else Path(path)).absolute()
            if not place.is_relative_to(self.root) or "dir_fd" in named:
                return call(path, *arguments, **named)
            if self.count == self.at:
                self._fail()
            self.count += 1
            if call.__name__ in ("unlink", "remove") and place.is_file():
                self._kept.append(place.open("rb"))
            found = call(path, *arguments, **named)
            if call.__name__ == "fsync":
                (self._sync_folder if place.is_dir() else self._sync_file)(place)
            return found

        return counted

    def _sync_file(self, file: Path) -> None:
        if file.is_file():
            self._bytes[file.stat().st_ino] = file.read_bytes()

    def _sync_folder(self, folder: Path) -> None:
        inside = [path for path in folder.iterdir() if path.exists()]
        self._names[folder.stat().st_ino] = {path.name: path.stat().st_ino for path in inside}
        for path in inside:
            if path.is_dir():  # it is there, though nothing in it is yet
                self._names.setdefault(path.stat().st_ino, {})

    def _fail(self) -> None:
        self.at = None
        if self.way == "names":
            self._drop_unsynced(self.root)
        elif self.way == "nothing":
            self._only_synced()
        os._exit(DIED)

    def _drop_unsynced(self, folder: Path) -> None:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and self._bytes.get(path.stat().st_ino) != path.read_bytes():
                path.write_bytes(b"")

    def _only_synced(self) -> None:
        left = self.root.with_name(f"{self.root.name}.left")
        self._write(left, self.root.stat().st_ino)
        for path in self.root.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in left.iterdir():
            shutil.move(path, self.root / path.name)
        left.rmdir()

    def _write(self, to: Path, folder: int) -> None:
        to.mkdir()
        for name, inode in self._names.get(folder, {}).items():
            if inode in self._names:
                self._write(to / name, inode)
            else:
                (to / name).write_bytes(self._bytes.get(inode, b""))
