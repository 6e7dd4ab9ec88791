"""Call `dvc repro`; shared by every entry point."""

import subprocess
import sys
from collections.abc import Sequence
from types import FrameType

from espalier.data.errors import InputError
from espalier.pipelines.run.processes import CANCELLED, Processes
from espalier.stages.process.interruption import handling


def dvc(*arguments: str) -> list[str]:
    """The dvc command line. It waits for locks; otherwise a trained stage might not be committed."""
    return [sys.executable, "-m", "dvc", "--wait-for-lock", *arguments]


def ask_dvc(*arguments: str, refusal: str) -> str:
    """Run dvc and return its standard output.

    Raises:
        InputError: dvc fails; with `refusal` and dvc's message.
    """
    done = subprocess.run(dvc(*arguments), capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"{refusal}: {done.stderr.strip().removeprefix('ERROR: ')}")
    return done.stdout.strip()


def repro_command(
    targets: Sequence[str], *, single: bool = False, force: bool = False, pull: bool = False
) -> list[str]:
    """The `dvc repro` command for these stages; `single`: without their dependencies, which are already handled."""
    options = {"--single-item": single, "--force": force, "--pull": pull}
    return dvc("repro", *(option for option, chosen in options.items() if chosen), *targets)


def repro(command: Sequence[str], processes: Processes, seconds: float | None = None) -> int:
    """Run dvc in the foreground, for at most `seconds`. Returns its exit code.

    Ctrl-C, SIGTERM or a lost terminal shuts it down gracefully.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        processes.interrupt(CANCELLED)

    with handling(interrupt), processes.deadline(seconds), processes.start(command) as process:
        return process.wait()
