"""Killed, terminated, interrupted, abandoned: what was trained is kept, and the end is the same, bit for bit."""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from tests.conftest import Project

WEIGHTS = [f"artifacts/progan/{r}/{n}.safetensors" for r in ("r4", "r8", "r16") for n in ("generator", "discriminator")]


def wait_for(what: Callable[[], bool], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def checkpoints(project: Project) -> set[Path]:
    return set((project.root / ".work").glob("progan@*/*/step-*.pt"))


def trainers(project: Project) -> list[psutil.Process]:
    """Training processes of this project."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        if "stages.train" in " ".join(process.info["cmdline"] or []) and process.info["cwd"] == str(project.root):
            found.append(process)
    return found


def start_and_wait_for_a_checkpoint(project: Project, *command: str, **environment: str) -> "subprocess.Popen[str]":
    before = checkpoints(project)
    process = project.start(*command, **environment)
    wait_for(lambda: bool(checkpoints(project) - before) or process.poll() is not None)
    assert process.poll() is None, process.stdout and process.stdout.read()
    return process


def test_a_chain_killed_six_times_ends_in_the_same_bits(trained: Project, project: Project) -> None:
    chance = random.Random(20)
    for kill in range(6):
        before = checkpoints(project)
        process = project.start("dvc", "repro")
        if kill == 3:  # at any moment, start-up included
            time.sleep(chance.uniform(0.5, 6))
        else:  # while training, at any moment of a step or of a write
            wait_for(lambda before=before: bool(checkpoints(project) - before))  # type: ignore[misc]
            time.sleep(chance.uniform(0, 0.3))
        if kill % 2:  # dvc alone: the trainer must notice that it is an orphan, and leave
            os.kill(process.pid, signal.SIGKILL)
            wait_for(lambda: not trainers(project))
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    project.dvc("repro")
    for path in WEIGHTS:
        assert project.bytes(path) == trained.bytes(path), path
    for path in ("artifacts/progan/r16/history.csv", "artifacts/progan/r16/samples.png"):
        assert project.bytes(path) == trained.bytes(path), path


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_writes_a_checkpoint_and_says_how_to_continue(
    copy_of_trained: Project, number: signal.Signals, code: int
) -> None:
    project = copy_of_trained
    project.set("progan.stages.r4.kimg", 400)
    process = start_and_wait_for_a_checkpoint(project, "python", "-m", "stages.train", "progan", "r4")
    process.send_signal(number)
    output = process.communicate(timeout=30)[0]
    assert process.returncode == code and "Traceback" not in output
    assert "a checkpoint is written" in output and "python -m stages.train progan r4" in output
    state = project.espalier("status")
    assert "half-way" in state and "of 50000" in state
    # Another configuration starts anew; going back to this one finds its own checkpoint.
    project.set("progan.stages.r4", {**project.params["progan"]["stages"]["r4"], "kimg": 0.16, "seed": 5})
    assert "continuing" not in project.python("stages.train", "progan", "r4")
    project.set("progan.stages.r4", {"after": "artifacts/datasets/dolls", "resolution": 4, "kimg": 400})
    process = start_and_wait_for_a_checkpoint(project, "python", "-m", "stages.train", "progan", "r4")
    process.send_signal(number)
    assert "continuing at step" in process.communicate(timeout=30)[0]


def test_ctrl_c_on_espalier_run_stops_dvc_and_trainer_in_good_order(copy_of_trained: Project) -> None:
    project = copy_of_trained
    project.set("progan.stages.r8.kimg", 400)
    process = start_and_wait_for_a_checkpoint(project, "espalier", "run", "progan")
    status = {line.split()[0]: line for line in project.espalier("status").splitlines() if "@" in line}
    assert "training" in status["progan@r8"] and "up to date" in status["progan@r4"]
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=30)[0]
    assert process.returncode != 0 and "a checkpoint is written" in output
    assert not trainers(project)
    assert "half-way" in project.espalier("status")


def test_a_second_trainer_refuses_with_the_firsts_number(copy_of_trained: Project) -> None:
    project = copy_of_trained
    project.set("progan.stages.r4.kimg", 400)
    process = start_and_wait_for_a_checkpoint(project, "python", "-m", "stages.train", "progan", "r4")
    output = project.python("stages.train", "progan", "r4", ok=False)
    assert project.code == 2 and f"being trained by process {process.pid}" in output
    assert "training" in project.espalier("status")
    project.set("progan.stages.r4.seed", 5)  # another configuration of the same artifact
    output = project.python("stages.train", "progan", "r4", ok=False)
    assert project.code == 2 and f"being trained by process {process.pid}" in output
    process.kill()
    process.wait()


def test_a_killed_temporary_experiment_resumes(copy_of_trained: Project) -> None:
    project = copy_of_trained
    command = ("dvc", "exp", "run", "--temp", "-S", "progan.common.seed=9", "progan@r4")
    before = checkpoints(project)
    process = project.start(*command)
    wait_for(lambda: bool(checkpoints(project) - before))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert "continuing at step" in project.run(*command)


def test_torchrun_gives_the_numbers_of_one_process(trained: Project, copy_of_trained: Project) -> None:
    project = copy_of_trained
    shutil.rmtree(project.root / ".work")
    torchrun = ("torch.distributed.run", "--nproc-per-node", "2", "--master-port", "29573")
    project.python(*torchrun, "-m", "stages.train", "progan", "r4")
    pictures = []
    for root in (trained.root, project.root):
        with Image.open(root / "artifacts/progan/r4/samples.png") as image:
            pictures.append(np.asarray(image).astype(int))
    # Rounding differs and training amplifies it, so the pictures agree closely and not to the bit.
    assert abs(pictures[0] - pictures[1]).mean() < 3
