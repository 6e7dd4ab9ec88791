"""Train one stage in several processes, using torchrun's launcher, so that stopping this process stops them all."""

import contextlib
import logging
import os
import signal
import sys
import uuid
from typing import NoReturn

from espalier.stages.process.exits import TrainingFailed
from espalier.stages.process.interruption import Interrupted


def is_launched() -> bool:
    """Whether this process was started by torchrun."""
    return "WORLD_SIZE" in os.environ


def leave(code: int) -> NoReturn:
    """End this process. One of several ends without Python's own finalisation, which aborts threads that wait in C++ for the
    store, and with them the process ("terminate called without an active exception")."""
    if is_launched():
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def launch(processes: int, module: str, *arguments: str) -> int:
    """Run a module in `processes` processes on this machine. Returns the exit code of the first failure, or 0.

    Signals are forwarded to all of them.

    Raises:
        TrainingFailed: one of them was killed.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        monitor_interval=0.1,
    )
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # what failed has said so
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    try:
        elastic_launch(config, sys.executable)("-u", "-m", module, *arguments)
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if failure.exitcode < 0:  # it could not say anything itself
            name = signal.Signals(-failure.exitcode).name
            raise TrainingFailed(
                f"process {rank} of {processes} was killed ({name}), and the others ended. If the memory was full, lower "
                "batch_size; the same command continues from the last checkpoint"
            ) from None
        return failure.exitcode
    except SignalException as stop:
        raise Interrupted("", 128 + stop.sigval) from None  # rank 0 has already printed it
    return 0
