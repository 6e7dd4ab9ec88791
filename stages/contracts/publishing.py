"""Before an artifact takes its place: was its stage started with what the project says now?"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Started(Protocol):
    """What a stage was started with."""

    @property
    def section(self) -> dict[str, Any]: ...

    def check(self) -> None:
        """Raises InputError if it is not what the project says now."""


_started: list[Started] = []
"""Of the stage that this process runs."""


@contextmanager
def publishing(started: Started) -> Iterator[None]:
    """Inside the context, nothing is published that was started with other inputs than the project has then."""
    _started.append(started)
    try:
        yield
    finally:
        _started.remove(started)


def before_publishing() -> None:
    """Call when everything is written, before it takes its place.

    Raises:
        InputError: the stage was started with other inputs than the project has now.
    """
    for started in _started:
        started.check()


def started_with() -> dict[str, Any]:
    """The section of params.yaml that the stage was started with, for its record; empty outside a stage's process."""
    return _started[-1].section if _started else {}
