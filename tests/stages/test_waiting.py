"""The lock of a workspace: refused to a second run, or waited for."""

import threading
import time
from pathlib import Path

import pytest

from espalier.data.errors import InputError
from espalier.stages.artifacts.workfolder import hold, holder


def test_who_waits_is_told_once_and_gets_the_lock_when_it_is_free(tmp_path: Path) -> None:
    said: list[str] = []
    order: list[str] = []

    def second() -> None:
        with hold(tmp_path / "lock", "this workspace", said.append):
            order.append("second")

    waiting = threading.Thread(target=second)
    with hold(tmp_path / "lock", "this workspace"):
        process = holder(tmp_path / "lock")
        waiting.start()
        time.sleep(1.5)
        order.append("first")
    waiting.join(10)
    assert order == ["first", "second"]
    assert said == [f"this workspace is in use by process {process}; waiting for it"]


def test_who_does_not_wait_is_refused(tmp_path: Path) -> None:
    first, second = (hold(tmp_path / "lock", "this workspace") for _ in range(2))
    with first, pytest.raises(InputError, match="in use by process"), second:
        pytest.fail("both hold it")
