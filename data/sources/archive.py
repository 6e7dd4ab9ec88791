"""A .zip file of images, read as a folder without unpacking it."""

import io
import os
import zipfile
from collections import Counter
from functools import cache
from pathlib import Path, PurePosixPath

from espalier.data.errors import InputError
from espalier.data.sources.files import ARCHIVES, check_folder, counted, images_among


def check_archive(root: Path) -> None:
    """Check that a file can be read as an archive.

    Raises:
        InputError: it cannot.
    """
    if not zipfile.is_zipfile(root):
        raise InputError(f"{root} is a file but no .zip archive; give a folder of images, or a .zip of one")


def check_images(root: Path) -> None:
    """Check that there is a folder of images, or an archive of one.

    Raises:
        InputError: there is neither.
    """
    (check_archive if root.is_file() else check_folder)(root)


def find_in_archive(root: Path) -> tuple[list[str], list[str]]:
    """The images in an archive, below the one folder that may hold all of them, and notes on what is left out.

    Raises:
        InputError: it is no archive, or holds no images.
    """
    check_archive(root)
    names, hidden = [], Counter[str]()
    for name in sorted(_names(root, os.getpid())):
        odd = next((part for part in PurePosixPath(name).parts if part.startswith(".") or part in ARCHIVES), None)
        if odd is None:
            names.append(name)
        else:
            hidden[odd] += 1
    images, notes = images_among(names, root)
    return images, notes + counted(hidden, "hidden files and folders")


def open_in_archive(root: Path, name: str) -> io.BytesIO:
    """The bytes of a file of an archive."""
    return io.BytesIO(_archive(root, os.getpid()).read(_names(root, os.getpid())[name]))


@cache
def _archive(root: Path, process: int) -> zipfile.ZipFile:
    """Opened once in each process: the list of a large archive takes long to read, and its place in the file is shared."""
    return zipfile.ZipFile(root)


@cache
def _names(root: Path, process: int) -> dict[str, str]:
    """The files, without a folder that holds all of them, and their names in the archive."""
    files = [info.filename for info in _archive(root, process).infolist() if not info.is_dir()]
    tops = {name.partition("/")[0] for name in files if not name.startswith("__MACOSX/")}
    (top,) = tops if len(tops) == 1 else ("",)
    return {name.removeprefix(f"{top}/"): name for name in files}
