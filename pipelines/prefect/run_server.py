"""python -m espalier.pipelines.prefect.run_server OPTIONS: Prefect's server, which ends with the process that started it."""

import os
import runpy
import signal
import sys
import threading
import time

from espalier.stages.process.parent import STARTER, WATCH_SECONDS

CLOSING_SECONDS = 10.0
"""Time allowed for open connections to close."""


def _leave_with_starter() -> None:
    while not STARTER.is_gone():
        time.sleep(WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(CLOSING_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_leave_with_starter, daemon=True).start()
    sys.argv = ["prefect", "server", "start", *sys.argv[1:]]
    runpy.run_module("prefect", run_name="__main__")
