"""Killed, terminated, interrupted, abandoned: what was trained is kept, and the end is the same, bit for bit."""

import os
import random
import shutil
import signal
import subprocess
import time

import psutil
import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import Project
from tests.pipelines.conftest import checkpoints, processes_of, wait_for

WEIGHTS = [f"artifacts/progan/{r}/{n}.safetensors" for r in ("r4", "r8", "r16") for n in ("generator", "discriminator")]


def trainers(project: Project) -> list[psutil.Process]:
    """Training processes of this project."""
    return processes_of(project)


def start_and_wait_for_a_checkpoint(project: Project, *command: str, **environment: str) -> "subprocess.Popen[str]":
    before = checkpoints(project)
    process = project.start(*command, **environment)
    wait_for(lambda: bool(checkpoints(project) - before) or process.poll() is not None)
    assert process.poll() is None, process.stdout and process.stdout.read()
    return process


@pytest.mark.long
def test_a_chain_killed_again_and_again_ends_in_the_same_bits(trained: Project, project: Project) -> None:
    chance = random.Random(20)
    for kill in range(6):
        before = checkpoints(project)
        process = project.start("dvc", "repro")
        if kill == 3:  # at any context, start-up included
            time.sleep(chance.uniform(0.5, 6))
        else:  # while training, at any context of a step or of a write
            wait_for(lambda p=process, b=before: checkpoints(project) - b or p.poll() is not None)  # type: ignore[misc]
            time.sleep(chance.uniform(0, 0.3))
        if process.poll() is not None:  # a fast machine is done before the sixth
            assert kill >= 3
            break
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


STATEFUL = {
    "loss": "nonsaturating", "historical_averaging": {"weight": 0.001}, "replay": {"size": 20}, "spectral_norm": "both",
    "past_players": {"every": 7, "share": 0.4}, "norm": {"generator": "batch"}, "dropout": {"generator": 0.2},
    "layer_noise": 0.1, "gradient_penalty": None, "drift": None, "optimizers": {"discriminator": {"name": "rmsprop"}},
}  # fmt: skip


@pytest.mark.long
def test_every_trick_with_a_state_survives_kills_in_the_same_bits(project: Project) -> None:
    project.python("espalier.stages.run", "dataset", "dolls")
    project.set("progan.common.tricks", {**project.params["progan"]["common"]["tricks"], **STATEFUL})
    command = ("python", "-m", "espalier.stages.run", "progan", "r4")
    project.run(*command)
    whole = [project.bytes(path) for path in WEIGHTS[:2]]
    shutil.rmtree(project.root / ".work")
    for _ in range(3):
        process = start_and_wait_for_a_checkpoint(project, *command)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert "continuing at step" in project.run(*command)
    assert [project.bytes(path) for path in WEIGHTS[:2]] == whole


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.long)]
)
def test_a_signal_writes_a_checkpoint_and_says_how_to_continue(
    copy_of_trained: Project, number: signal.Signals, code: int
) -> None:
    project = copy_of_trained
    project.set("progan.stages.r4.kimg", 400)
    process = start_and_wait_for_a_checkpoint(project, "python", "-m", "espalier.stages.run", "progan", "r4")
    process.send_signal(number)
    output = process.communicate(timeout=30)[0]
    assert process.returncode == code and "Traceback" not in output
    assert "a checkpoint is written" in output and "python -m espalier.stages.run progan r4" in output
    state = project.espalier("status")
    assert "half-way" in state and "of 50000" in state
    # Another configuration starts anew; going back to this one finds its own checkpoint.
    project.set("progan.stages.r4", {**project.params["progan"]["stages"]["r4"], "kimg": 0.16, "seed": 5})
    assert "continuing" not in project.python("espalier.stages.run", "progan", "r4")
    project.set("progan.stages.r4", {"after": "artifacts/datasets/dolls", "resolution": 4, "kimg": 400})
    process = start_and_wait_for_a_checkpoint(project, "python", "-m", "espalier.stages.run", "progan", "r4")
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
    process = start_and_wait_for_a_checkpoint(project, "python", "-m", "espalier.stages.run", "progan", "r4")
    output = project.python("espalier.stages.run", "progan", "r4", ok=False)
    assert project.code == 2 and f"in use by process {process.pid}" in output
    assert "training" in project.espalier("status")
    project.set("progan.stages.r4.seed", 5)  # another configuration of the same artifact
    output = project.python("espalier.stages.run", "progan", "r4", ok=False)
    assert project.code == 2 and f"in use by process {process.pid}" in output
    process.kill()
    process.wait()


@pytest.mark.long
def test_a_killed_temporary_experiment_resumes(copy_of_trained: Project) -> None:
    project = copy_of_trained
    command = ("dvc", "exp", "run", "--temp", "-S", "progan.common.seed=9", "progan@r4")
    before = checkpoints(project)
    process = project.start(*command)
    wait_for(lambda: bool(checkpoints(project) - before))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert "continuing at step" in project.run(*command)


@pytest.mark.long
@pytest.mark.parametrize("tricks", [{}, {"packing": {"m": 2}, "minibatch_stddev": {"group": 2}}])
def test_two_processes_give_the_weights_of_one(project: Project, tricks: dict[str, object]) -> None:
    project.python("espalier.stages.run", "dataset", "dolls")
    project.set("progan.common.tricks", {**project.params["progan"]["common"]["tricks"], **tricks})
    project.set("progan.common.kimg", 0.04)  # five steps: rounding differs, and training amplifies it
    weights = []
    for processes in (1, 2):
        project.set("progan.common.processes", processes)
        shutil.rmtree(project.root / ".work", ignore_errors=True)
        project.python("espalier.stages.run", "progan", "r4")
        folder = project.root / "artifacts/progan/r4"
        weights.append({n: load_file(folder / f"{n}.safetensors") for n in ("generator", "discriminator")})
    for network, tensors in weights[0].items():
        for name, one in tensors.items():
            torch.testing.assert_close(weights[1][network][name], one, rtol=1e-3, atol=1e-4, msg=f"{network}.{name}")


@pytest.mark.long
@pytest.mark.parametrize(
    ("number", "processes", "shell"),  # of dvc: bash gives its place to the trainer, dash stays between the two
    [
        (signal.SIGINT, 2, "/bin/bash"),
        (signal.SIGKILL, 2, "/bin/bash"),
        (signal.SIGKILL, 2, "/bin/sh"),
        (signal.SIGKILL, 1, "/bin/sh"),
    ],
)
def test_training_leaves_with_a_checkpoint_when_dvc_is_stopped(
    copy_of_trained: Project, number: signal.Signals, processes: int, shell: str
) -> None:
    project = copy_of_trained
    project.environment["SHELL"] = shell
    project.set("progan.stages.r4.kimg", 400)
    project.set("progan.common.processes", processes)
    process = start_and_wait_for_a_checkpoint(project, "dvc", "repro", "progan@r4")
    if number == signal.SIGKILL:  # of dvc alone: its child notices
        process.kill()
    else:
        os.killpg(process.pid, number)
    process.communicate(timeout=30)
    wait_for(lambda: not trainers(project), 20)
    reached = max(int(path.name.split("-")[1]) for path in checkpoints(project) if "progan@r4" in str(path))
    project.set("progan.stages.r4.kimg", (reached + 10) * 8 / 1000)
    project.set("progan.common.processes", 1)  # what two trained, one goes on from
    assert f"continuing at step {reached}" in project.python("espalier.stages.run", "progan", "r4")


@pytest.mark.long
def test_a_trainer_that_nobody_listens_to_any_more_leaves_with_a_checkpoint(copy_of_trained: Project) -> None:
    project = copy_of_trained
    project.set("progan.stages.r4.kimg", 400)
    project.set("progan.common.watch.checkpoint_seconds", 1000)
    process = project.start("dvc", "repro", "progan@r4")  # as a flow starts it, which is then killed
    assert process.stdout
    while "python -m espalier.stages.run progan" not in process.stdout.readline():
        pass
    process.stdout.close()
    wait_for(lambda: bool(trainers(project)))
    wait_for(lambda: not trainers(project))
    process.wait(timeout=30)
    assert "half-way" in project.espalier("status")
