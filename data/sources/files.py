"""The files of a folder of images: which count, which are left out, and which stop DVC from reading the folder."""

import os
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from espalier.data.errors import InputError

ARCHIVES = {"__MACOSX", "__pycache__", "@eaDir", "lost+found", "$RECYCLE.BIN", "System Volume Information"}
"""Folders that archives, file managers and file servers leave behind."""


HEIC, INSTALL_HEIC = {".heic", ".heif"}, "pip install pillow-heif"
"""What iPhones write, which Pillow reads with another library."""


@dataclass
class Found:
    """What a folder holds.

    `files`: names relative to it, with slashes, sorted. `notes`: for the user, on what is left out. `troubles`: what DVC cannot
    read, and what to do about it.
    """

    files: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


class _Walk:
    """Visits each folder once: first the real ones, then those that links lead to."""

    def __init__(self, root: Path) -> None:
        self.root, self.found, self.hidden = root, Found(), Counter[str]()
        self._visited: dict[str, str] = {}
        self._links: list[tuple[str, str]] = []
        self._visit("")
        while self._links:
            self._follow(*self._links.pop(0))
        self.found.files.sort()
        self.found.notes += counted(self.hidden, "hidden files and folders")

    def _visit(self, folder: str) -> None:
        place = self.root / folder
        self._visited[os.path.realpath(place)] = folder or "."
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError as error:
            self._trouble(folder or ".", f"cannot be opened ({error.strerror}); give yourself the right to read it")
            return
        for entry in entries:
            self._see(entry, f"{folder}/{entry.name}" if folder else entry.name)

    def _see(self, entry: "os.DirEntry[str]", name: str) -> None:
        if not _is_text(name):
            self._trouble(name, "has a name that is not UTF-8; rename it")
        elif entry.is_symlink() and not Path(entry.path).exists():
            self._trouble(name, f"is a link to {os.readlink(entry.path)}, which does not exist; remove it")  # noqa: PTH115
        elif entry.is_dir():
            if entry.name.startswith(".") or entry.name in ARCHIVES:
                self.hidden[entry.name] += 1
            elif entry.is_symlink():
                self._links.append((name, os.path.realpath(entry.path)))
            else:
                self._visit(name)
        elif not stat.S_ISREG(entry.stat().st_mode):
            self._trouble(name, "is no file but a pipe, socket or device; remove it")
        elif entry.name.startswith("."):
            self.hidden[entry.name] += 1
        else:
            self.found.files.append(name)

    def _follow(self, name: str, target: str) -> None:
        if target in self._visited:
            self.found.notes.append(
                f"left out the link {name}: it leads back to {self._visited[target]}, which is read already"
            )
            return
        self.found.notes.append(f"{name} is a link to {target}: DVC does not notice a change of what is in there")
        self._visit(name)

    def _trouble(self, name: str, what: str) -> None:
        self.found.troubles.append(f"{shown(name)} {what}")


def find_files(root: Path) -> Found:
    """All files below a folder, which exists."""
    return _Walk(root).found


def check_there(root: Path, what: str = "") -> None:
    """Check that a file or folder that DVC tracks exists.

    Raises:
        InputError: it does not, or ~ is written for the home folder, which DVC does not know.
    """
    if root.parts[:1] == ("~",):
        raise InputError(f"{what}{root}: write {root.expanduser()} for it; DVC does not know ~")
    if not root.exists():
        raise InputError(f"{what}{shown(str(root))} does not exist; check the dataset's 'root' in params.yaml")


def check_folder(root: Path) -> None:
    """Check that there is a folder of images.

    Raises:
        InputError: there is none.
    """
    check_there(root, "the image folder ")
    if not root.is_dir():
        raise InputError(f"the image folder {root} is a file; give a folder of images")


def find_images(root: Path) -> tuple[list[str], list[str]]:
    """The images below a folder, and notes for the user on what is left out.

    Raises:
        InputError: there is no such folder, it holds none, or something in it cannot be read.
    """
    check_folder(root)
    found = find_files(root)
    if found.troubles:
        raise InputError(unreadable(root, found.troubles))
    return images_among(found.files, root, found.notes)


def images_among(files: list[str], root: Path, before: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """The images among files, and notes for the user: on the others, and those `before`.

    Raises:
        InputError: there are none.
    """
    from espalier.data.images import has_image_ending  # Pillow and NumPy take long to import, and status needs neither

    images = [name for name in files if has_image_ending(Path(name))]
    others = Counter(Path(name).suffix.lower() or "no ending" for name in set(files).difference(images))
    heic = sum(count for ending, count in others.items() if ending in HEIC)
    more = [f"to read the {heic} .heic images: {INSTALL_HEIC}"] if heic else []
    notes = [*counted(others, "files that are no images"), *more, *before]
    if not images:
        raise InputError(
            f"no images in {root}: it holds {others.total()} files, none with an ending that Pillow reads "
            f"(.png, .jpg, .webp, .tif, ...){''.join(f'; {note}' for note in (*more, *before))}"
        )
    return images, notes


def counted(kinds: "Counter[str]", what: str) -> list[str]:
    """A note on what is left out, if anything is."""
    if not kinds:
        return []
    most = ", ".join(f"{count} x {kind}" for kind, count in kinds.most_common(5))
    return [f"left out {kinds.total()} {what} ({most})"]


def unreadable(root: Path, troubles: list[str]) -> str:
    """One sentence for all that cannot be read below a folder."""
    more = f"; and {len(troubles) - 3} more" if len(troubles) > 3 else ""
    return f"the folder {shown(str(root))} cannot be read as a whole: {'; '.join(troubles[:3])}{more}"


def shown(name: str) -> str:
    """A file name with what is not UTF-8 in it written as \\xNN."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def troubles_of(roots: Iterable[Path]) -> dict[Path, str]:
    """The sentence for each of these files and folders that DVC cannot read."""
    found = {}
    for root in roots:
        if root.is_dir() and (troubles := find_files(root).troubles):
            found[root] = unreadable(root, troubles)
    return found
