"""What a file may import: parts are named by dotted path, and a file from elsewhere could name any module.

What params.yaml names is imported. From the record of an artifact or a checkpoint, only what the project's params.yaml names,
too; or anything, where ESPALIER_TRUST is set (`--trust`).
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from espalier.data.errors import InputError

TRUST = "ESPALIER_TRUST"
_reading: ContextVar[tuple[Path, Callable[[], frozenset[str]]] | None] = ContextVar("reading", default=None)


@contextmanager
def only_named(file: Path, named: Callable[[], frozenset[str]]) -> Iterator[None]:
    """Inside, only these dotted paths can be imported; `file` is what is read."""
    token = _reading.set(None if os.environ.get(TRUST) else (file, named))
    try:
        yield
    finally:
        _reading.reset(token)


def check_named(path: str) -> None:
    """Check that the file that is read may import this.

    Raises:
        InputError: it may not; says how to trust it.
    """
    reading = _reading.get()
    if reading is not None and path not in reading[1]():
        raise InputError(
            f"{reading[0]} would import '{path}', which params.yaml does not name; such a module can do anything. If you trust "
            f"the file, repeat the command with --trust, or set {TRUST}=1"
        )
