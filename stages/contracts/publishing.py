"""Before an artifact takes its place: was its stage started with what the project says now?"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_started: list[tuple[dict[str, Any], Callable[[], None]]] = []
"""Of the stage that this process runs."""


@contextmanager
def publishing(section: dict[str, Any], check: Callable[[], None]) -> Iterator[None]:
    """Inside the context, a stage that was started with this section of params.yaml publishes only what passes this check."""
    _started.append((section, check))
    try:
        yield
    finally:
        _started.pop()


def before_publishing() -> None:
    """Call when everything is written, before it takes its place.

    Raises:
        InputError: the stage was started with other inputs than the project has now.
    """
    for _, check in _started:
        check()


def started_with() -> dict[str, Any]:
    """The section of params.yaml that the stage was started with, for its record; empty outside a stage's process."""
    return _started[-1][0] if _started else {}
