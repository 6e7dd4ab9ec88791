"""`dvc repro`, as every door to the stages calls it."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType

from espalier.data.errors import InputError
from espalier.pipelines.run.processes import CANCELLED, Processes


def dvc(*arguments: str) -> list[str]:
    """The command line of dvc. It waits for locks: else a stage that is trained may go uncommitted."""
    return [sys.executable, "-m", "dvc", "--wait-for-lock", *arguments]


def ask_dvc(*arguments: str, refusal: str) -> str:
    """What dvc answers, on its standard output.

    Raises:
        InputError: it refuses; with these words, and its own.
    """
    done = subprocess.run(dvc(*arguments), capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"{refusal}: {done.stderr.strip().removeprefix('ERROR: ')}")
    return done.stdout.strip()


def repro_command(
    targets: Sequence[str], *, single: bool = False, force: bool = False, pull: bool = False
) -> list[str]:
    """`dvc repro` of these stages; `single`: without those they need, which have been seen to."""
    options = {"--single-item": single, "--force": force, "--pull": pull}
    return dvc("repro", *(option for option, chosen in options.items() if chosen), *targets)


def repro(command: Sequence[str], processes: Processes, seconds: float | None = None) -> int:
    """Run dvc in the foreground, for so many seconds at most; returns its exit code.

    Ctrl-C or SIGTERM here stops it in good order.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        processes.interrupt(CANCELLED)

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with processes.deadline(seconds), processes.start(command) as process:
            return process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
