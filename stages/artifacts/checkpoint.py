"""Checkpoints: everything needed to resume at a step. Written atomically; loading never runs code.

    step-00001200-3f9a0c51d2e4b768.pt

The name contains the first 16 digits of the content's SHA-256, which is also at the file's end: a damaged file is detected
before it is loaded, under any name. Two are kept. Only tensors and plain values are loaded: a pickle that contains code is
refused.
"""

import pickle
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from espalier.data.errors import InputError
from espalier.data.files import sync, whole_file
from espalier.data.sealed import Damaged
from espalier.stages.artifacts.record import FORMAT, Record
from espalier.stages.artifacts.torch_file import read_torch_file, write_torch_file
from espalier.stages.artifacts.workfolder import CHECKPOINT, checkpoints_in


class Stateful(Protocol):
    """Anything with a state dict: networks, optimisers, tricks, meters."""

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any]) -> Any: ...


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The content of a checkpoint file: its record, the state of each named object, and the tables of the work folder."""

    record: Record
    state: dict[str, dict[str, Any]]
    tables: dict[str, str]

    def restore_tables(self, folder: Path) -> None:
        """Write the tables as they were: those on disk may be newer, or damaged."""
        for name, text in self.tables.items():
            with whole_file(folder / name) as partial:
                partial.write_text(text, encoding="utf-8")


def read_checkpoint(path: Path) -> Checkpoint:
    """Load one checkpoint file, on the CPU: tensors and plain values only.

    Raises:
        InputError: it is damaged, has another format, or holds anything but tensors and plain values.
    """
    try:
        content, digest = read_torch_file(path)
        named = CHECKPOINT.fullmatch(path.name)
        if named and not digest.startswith(named[2]):
            raise Damaged("is damaged: its content does not match the digest in its name")
        if content["record"].get("format", FORMAT) != FORMAT:
            raise InputError(
                f"the checkpoint {path} has format {content['record']['format']}, this version reads {FORMAT}; train its stage "
                "again"
            )
        record, state = Record.model_validate(content["record"]), content["state"]
        tables = content.get("tables", {})
        if not all(Path(name).name == name and isinstance(text, str) for name, text in tables.items()):
            raise ValueError("its tables are no text")
    except Damaged as error:
        raise InputError(f"the checkpoint {path} was refused: it {error}") from error
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} was refused: it is not a checkpoint, or it holds objects that could run code when loaded. "
            "A checkpoint holds tensors and plain values only"
        ) from error
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, ValueError, AttributeError, ValidationError) as error:
        raise InputError(f"{path} is not a checkpoint, or is damaged: {type(error).__name__}") from error
    return Checkpoint(record, state, tables)


def write_checkpoint(
    folder: Path, record: Record, objects: Mapping[str, Stateful], keep: int = 2, tables: Path | None = None
) -> Path:
    """Write the state of each object, and delete all but the newest `keep` checkpoints up to this step.

    `tables`: the folder whose CSV files are kept with it, so that a resume goes on with the rows of this step.

    Raises:
        OSError: the disk is full; existing checkpoints are left untouched.
    """
    content = {
        "record": record.model_dump(mode="json"),
        "state": {n: o.state_dict() for n, o in objects.items()},
        "tables": {path.name: path.read_text(encoding="utf-8") for path in sorted(tables.glob("*.csv"))}
        if tables
        else {},
    }
    with whole_file(folder / "checkpoint") as partial:
        digest = write_torch_file(partial, content)
    path = (folder / "checkpoint").rename(folder / f"step-{record.step:08d}-{digest[:16]}.pt")
    sync(folder)
    before = [(step, old) for step, old in checkpoints_in(folder) if step <= record.step and old != path]
    for _, old in before[keep - 1 :]:
        old.unlink()
    return path


def newest_record(folder: Path, target: int) -> Record | None:
    """The record of the newest good checkpoint in a work folder that a run to `target` images passes through."""
    for _, path in checkpoints_in(folder):
        with suppress(InputError):  # reported by the trainer when it resumes
            record = read_checkpoint(path).record
            if record.before < target:
                return record
    return None
