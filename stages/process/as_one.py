"""Several processes end as one: the first that fails says why, and the others follow without a word.

A process that fails on its own leaves the others waiting for its part of a sum, with NCCL for ever. So it notes its rank
and exit code in the store by which the processes met. The others look there when the connection breaks, and from a thread
of their own, since a process that waits for a GPU runs no Python.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.distributed import DistError
from torch.distributed.distributed_c10d import PrefixStore

from espalier.stages.process import distributed
from espalier.stages.process.exits import exit_code_of
from espalier.stages.process.interruption import Interrupted

FIRST = "first"
"""Key of the first process that failed: its rank and its exit code."""
LOOK_SECONDS, LEAVE_SECONDS = 0.5, 3.0


@contextmanager
def as_one(device: torch.device) -> Iterator[None]:
    """Inside the context, this process is one of those that torchrun started, if it started several.

    Raises:
        Interrupted: another process failed first, and has said why.
    """
    store = distributed.start(device)
    if store is None:
        yield
        return
    threading.Thread(target=_leave_with_the_first, args=(store,), daemon=True).start()
    try:
        yield
    except Interrupted:  # they have agreed upon it
        raise
    except BaseException as error:
        code = _lost(store) if _is_of_a_connection(error) else _claimed(store, exit_code_of(error))
        if code is not None:
            raise Interrupted("", code) from None
        raise
    distributed.stop()


def _claimed(store: PrefixStore, code: int) -> int | None:
    """Note that this process failed. Returns the exit code of another one, if that was first."""
    mine = f"{distributed.rank()} {code}"
    first = store.compare_set(FIRST, "", mine).decode()
    return None if first == mine else int(first.split()[1])


def _lost(store: PrefixStore) -> int:
    """The exit code of the process that failed, after a while 1: that one was killed, and its launcher says so."""
    until = time.monotonic() + LEAVE_SECONDS
    while time.monotonic() < until:
        code = _code(store)
        if code is not None:
            return code
        time.sleep(0.1)
    return 1


def _code(store: PrefixStore) -> int | None:
    """The exit code of the process that failed first; None if none has."""
    try:
        return int(store.get(FIRST).decode().split()[1]) if store.check([FIRST]) else None
    except RuntimeError:  # the launcher, which keeps the store, is gone
        return 1


def _is_of_a_connection(error: BaseException) -> bool:
    return isinstance(error, DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))


def _leave_with_the_first(store: PrefixStore) -> None:
    """Watch for a process that failed, and end this one if it does not end by itself."""
    while (code := _code(store)) is None:
        time.sleep(LOOK_SECONDS)
    time.sleep(LEAVE_SECONDS)
    os._exit(code)
