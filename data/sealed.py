"""Records sealed by a digest, with digests of the files beside them: what is damaged is noticed wherever it is read.

A record is a JSON object. Its last key, `seal`, is the SHA-256 of the file's own bytes with zeros in its place; `digests`
gives the SHA-256 of the files beside it.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from espalier.data.files import file_digest, valid_json, whole_file
from espalier.data.verified import is_verified, note_verified

SEAL, ZEROS = "seal", "0" * 64


class Damaged(ValueError):
    """The content of a file is not what was written. The message goes on after the file's name."""


def write_record(file: Path, content: Mapping[str, Any]) -> None:
    """Write a record atomically."""
    text = json.dumps(valid_json({**content, SEAL: ZEROS}), indent=2, allow_nan=False) + "\n"
    head, _, tail = text.rpartition(ZEROS)
    with whole_file(file) as partial:
        partial.write_text(f"{head}{_seal(text.encode())}{tail}", encoding="utf-8")


def read_record(file: Path) -> dict[str, Any]:
    """The content of a record, without the seal.

    Raises:
        Damaged: it is no record, or its bytes are not those that were written. OSError: it cannot be read.
    """
    content = file.read_bytes()
    try:
        found = json.loads(content)
    except ValueError as error:
        raise Damaged("cannot be read: it is no JSON") from error
    seal = found.pop(SEAL, None) if isinstance(found, dict) else None
    if not isinstance(seal, str):
        raise Damaged("has no seal: it is damaged, or an older version wrote it")
    head, _, tail = content.rpartition(seal.encode())
    if _seal(head + ZEROS.encode() + tail) != seal:
        raise Damaged("is damaged: it differs from what was written (its seal does not match)")
    return dict(found)


def format_of(file: Path) -> int | None:
    """The format that a record says it has, whole or not; None if it says none."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    said = found.get("format") if isinstance(found, dict) else None
    return said if isinstance(said, int) else None


def digests_in(folder: Path) -> dict[str, str]:
    """The digest of each file in a folder and below it, by its path in there."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in files}


def check_file(folder: Path, name: str, digests: Mapping[str, str]) -> Path:
    """The path of a file in a folder, after checking it against the digests of the folder's record.

    Raises:
        Damaged: its bytes are not those that were written. OSError: it cannot be read.
    """
    file, digest = folder / name, digests.get(name, "")
    if is_verified(file, digest):
        return file
    if file_digest(file) != digest:
        raise Damaged("is damaged: it differs from what was written (its digest does not match)")
    note_verified(file, digest)
    return file


def _seal(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
