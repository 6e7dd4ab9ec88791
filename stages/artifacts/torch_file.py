"""Files of tensors and plain values that end with their digest, so that damage is noticed under any name.

What torch.save wrote is followed by one line, "sha256 " and 64 digits, which torch.load does not read. Loading never runs
code: a pickle that contains any is refused.
"""

import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch.serialization import get_crc32_options, set_crc32_options

from espalier.data.sealed import Damaged

MARK = b"\nsha256 "
LENGTH = len(MARK) + 64 + 1


def write_torch_file(path: Path, content: Any) -> str:
    """Write the content; returns its digest. The same content gives the same bytes."""
    crc32 = get_crc32_options()
    set_crc32_options(False)  # the digest below is stronger
    try:
        with path.open("wb") as file:  # given a path, it would write the file's name into it
            torch.save(_plain(content, set()), file)
    finally:
        set_crc32_options(crc32)
    digest = _digest(path, path.stat().st_size)
    with path.open("ab") as file:
        file.write(MARK + digest.encode() + b"\n")
    return digest


def _plain(content: Any, seen: set[int]) -> Any:
    """The content in fresh containers. Pickle writes an object that occurs twice only once, so the bytes would depend on which
    strings, lists and tensors happen to be one object: after a resume, others are. `seen`: the storages so far."""
    if isinstance(content, Mapping):
        return {_plain(key, seen): _plain(value, seen) for key, value in content.items()}
    if isinstance(content, list):
        return [_plain(value, seen) for value in content]
    if isinstance(content, tuple):
        return tuple(_plain(value, seen) for value in content)
    if isinstance(content, str):
        return sys.intern(str(content))
    if isinstance(content, torch.Tensor):
        tensor, storage = content.detach(), content.untyped_storage()
        alone = storage.nbytes() == tensor.nbytes and storage.data_ptr() not in seen
        seen.add(storage.data_ptr())
        return tensor if alone else tensor.clone()  # with the same strides: sums of other strides round differently
    return content


def read_torch_file(path: Path) -> tuple[Any, str]:
    """The content, on the CPU, and its digest.

    Raises:
        Damaged: it is not as it was written. pickle.UnpicklingError: it holds objects that could run code.
        OSError: it cannot be read.
    """
    digest = _checked(path)
    return torch.load(path, map_location="cpu", weights_only=True), digest


def _checked(path: Path) -> str:
    """The digest at the end of a file, after checking it."""
    size = path.stat().st_size - LENGTH
    with path.open("rb") as file:
        file.seek(max(size, 0), os.SEEK_SET)
        end = file.read()
    if not (end.startswith(MARK) and end.endswith(b"\n")):
        raise Damaged("does not end with its digest: it was cut, or an older version or another program wrote it")
    digest = _digest(path, size)
    if end != MARK + digest.encode() + b"\n":
        raise Damaged("is damaged: its content does not match the digest at its end")
    return digest


def _digest(path: Path, size: int) -> str:
    """SHA-256 of a file's first `size` bytes."""
    found, left = hashlib.sha256(), size
    with path.open("rb") as file:
        while left > 0 and (part := file.read(min(left, 2**20))):
            found.update(part)
            left -= len(part)
    return found.hexdigest()
