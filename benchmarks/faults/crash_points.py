"""Let a training die at every file-system call, in every way, and go on: it must end in the same bytes and lose no checkpoint.

The stage, its tricks with a state and its samples are those of a toy; the command is the real one,
`python -m espalier.stages.run`, in a forked process.
"""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from ruamel.yaml import YAML

from benchmarks.faults.disk import DIED, WAYS, Disk, Way
from espalier.data.errors import InputError
from espalier.stages.artifacts.checkpoint import read_checkpoint, write_checkpoint
from espalier.stages.artifacts.workfolder import checkpoints_in
from espalier.stages.config.code import stage_digest
from espalier.stages.process.exits import run
from espalier.stages.run import main as run_stage

PARAMS: dict[str, Any] = {
    "datasets": {"dolls": {"source": "dolls", "root": "artifacts/code/dataset/dolls", "count": 32, "resolution": 4}},
    "chain": {
        "common": {
            "dataset": "artifacts/datasets/dolls",
            "batch_size": 8,
            "network": {"latent": 4, "base": 16, "largest": 4},
            "tricks": {
                "loss": "nonsaturating", "historical_averaging": {"weight": 0.001}, "replay": {"size": 8},
                "past_players": {"every": 3, "share": 0.4}, "spectral_norm": "both", "ema": {"half_life_kimg": 0.05},
            },
            "watch": {"sample_kimg": 0.08, "checkpoint_seconds": 1e-9, "log_steps": 2},
        },
        "stages": {"r4": {"after": "artifacts/datasets/dolls", "resolution": 4, "kimg": 0.08}},
    },
}  # fmt: skip
STAGE, ARTIFACT = ("chain", "r4"), Path("artifacts/chain/r4")


@dataclass
class Found:
    """How many of a training's calls were tried as crash points in a way, and what was lost: empty if all is well."""

    way: Way
    calls: int
    tried: int
    lost: list[str]


def make_project(folder: Path) -> Path:
    """A project whose dataset is prepared; the code is parsed before, or its files in .work would be most of the calls."""
    folder.mkdir(parents=True)
    with contextlib.chdir(folder):
        stage_digest(PARAMS, *STAGE)
    (folder / ".dvc").mkdir()
    YAML().dump(PARAMS, folder / "params.yaml")
    forked(folder, lambda: run_stage("dataset", "dolls", False))
    return folder


def train(project: Path) -> int:
    """Train the stage, or go on; returns the exit code."""
    return forked(project, lambda: run_stage(*STAGE, False))


def calls_of_a_training(project: Path, folder: Path) -> tuple[int, dict[str, bytes]]:
    """The number of calls that can fail in a whole training, and the bytes of the artifact that it publishes."""
    whole = Path(shutil.copytree(project, folder / "whole"))
    counted = folder / "counted"

    def count() -> None:
        disk = Disk(whole)
        with disk.watched():
            run_stage(*STAGE, False)
        counted.write_text(str(disk.count))

    assert forked(whole, count) == 0
    return int(counted.read_text()), content_of(whole / ARTIFACT)


def die_and_go_on(project: Path, folder: Path, at: int, way: Way, expected: dict[str, bytes]) -> str | None:
    """Die at a call in a way, and go on. Returns what was lost; None if nothing was."""
    here = Path(shutil.copytree(project, folder / f"{way}-{at}"))
    told = folder / f"{way}-{at}.step"

    def die() -> None:
        _note_checkpoints(told)
        with Disk(here, at, way).watched():
            run_stage(*STAGE, False)

    code = forked(here, die)
    if code not in (0, DIED):
        return f"{way} at call {at}: the training ended with exit code {code}"
    written = int(told.read_text()) if told.is_file() else 0
    left = max((step for step in map(_step_of, _checkpoints(here)) if step is not None), default=0)
    if left < written:
        return f"{way} at call {at}: the checkpoint of step {written} is lost, {left} is left"
    if train(here) != 0:
        return f"{way} at call {at}: the same command does not go on"
    found = content_of(here / ARTIFACT)
    shutil.rmtree(here)
    differ = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    return f"{way} at call {at}: {', '.join(differ)} differ" if differ else None


def content_of(artifact: Path) -> dict[str, bytes]:
    """The bytes of each file of an artifact."""
    return {p.relative_to(artifact).as_posix(): p.read_bytes() for p in artifact.rglob("*") if p.is_file()}


def enumerate_crashes(folder: Path, stride: int = 1, say: Callable[[str], None] = print) -> list[Found]:
    """Every `stride`-th call of a training, in each way."""
    project = make_project(folder / "project")
    calls, expected = calls_of_a_training(project, folder)
    found = []
    for number, way in enumerate(WAYS):
        points = range(number % stride, calls, stride)
        lost = [said for at in points if (said := die_and_go_on(project, folder, at, way, expected))]
        found.append(Found(way, calls, len(points), lost))
        say(f"{way}: {len(points)} of {calls} crash points, {len(lost)} lost something")
    return found


def _note_checkpoints(file: Path) -> None:
    """From now on, note the step of each checkpoint, once it is written, in a file outside the failing disk."""

    def noted(*arguments: Any, **named: Any) -> Path:
        path = write_checkpoint(*arguments, **named)
        file.write_text(path.name.split("-")[1])
        return path

    mock.patch("espalier.stages.loop.trainer.write_checkpoint", noted).start()


def _checkpoints(project: Path) -> list[Path]:
    return [path for work in (project / ".work").glob("*@*/*") for _, path in checkpoints_in(work)]


def _step_of(path: Path) -> int | None:
    try:
        return read_checkpoint(path).record.step
    except InputError:
        return None


def forked(folder: Path, work: Callable[[], Any]) -> int:
    """Do some work in a forked process in a folder; returns its exit code."""
    process = os.fork()
    if process == 0:
        os.chdir(folder)
        quiet = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(quiet, stream)
        code = 1
        try:
            code = run(work)
        finally:
            sys.stdout.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
