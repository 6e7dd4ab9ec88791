"""Running stages through dvc, so that stopping this program stops them in good order."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType


def repro(targets: Sequence[str], force: bool = False) -> int:
    """`dvc repro` of these stages and all they need; returns dvc's exit code.

    dvc and the trainer run in a group of their own. Ctrl-C or SIGTERM here becomes SIGINT to that group: the
    trainer writes a checkpoint and leaves, dvc waits for it and cleans its locks. (At SIGTERM dvc would die at
    once and leave the trainer an orphan.)
    """
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", *(["--force"] if force else []), *targets]
    # dvc.yaml says `python`: let it be the one that runs this, also where no environment is activated.
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    process = subprocess.Popen(command, env={**os.environ, "PATH": paths}, start_new_session=True)

    def interrupt(number: int, frame: FrameType | None) -> None:
        os.killpg(process.pid, signal.SIGINT)

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
