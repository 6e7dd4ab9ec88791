"""One process of several fails alone: all end, or all heal, within seconds; the first cause is said once."""

import signal
import time
from typing import Any

import pytest

from tests.conftest import Project
from tests.pipelines.conftest import checkpoints

FAILS = '''
import errno, os, signal
from typing import ClassVar

from torch import Tensor

from espalier.stages.process import distributed
from espalier.stages.tricks.step import Step
from espalier.stages.tricks.trick import Term


class Fails(Term):
    """Fails at step 20, in one process."""

    name: ClassVar = "fails"
    rank: int = 1
    how: str = "inf"
    weight: float = 1.0
    every: int = 1

    def discriminator_term(self, step: Step) -> Tensor:
        term = 0 * step.real_logits.square().mean()
        if distributed.rank() != self.rank or step.context.step != 20:
            return term
        match self.how:
            case "inf":
                return term + float("inf")
            case "raise":
                raise ValueError("the moon is full")
            case "full":
                raise OSError(errno.ENOSPC, "No space left on device", "/somewhere/else")
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "stop":
                os.kill(os.getpid(), signal.SIGTERM)
        return term
'''
SECONDS = 40  # starting takes most of them; a process that waits for another waits for half an hour


@pytest.fixture
def fails(copy_of_trained: Project) -> Project:
    project = copy_of_trained
    (project.root / "failing.py").write_text(FAILS)
    project.set("progan.common.processes", 2)
    project.set("progan.common.watch", {"log_steps": 10, "checkpoint_seconds": 1e-9, "sample_kimg": 1})
    return project


def train(project: Project, **fails: Any) -> str:
    """Train r4 with that trick; stdout and stderr."""
    project.set("progan.stages.r4.tricks", {"failing.Fails": fails})
    begun = time.monotonic()
    output = project.python("espalier.stages.run", "progan", "r4", ok=False)
    assert time.monotonic() - begun < SECONDS
    return output


SAID = {
    "inf": "error: training failed: progan@r4, step 21: fails is inf",
    "raise": "error: failing.py, line 29, in discriminator_term: ValueError: the moon is full",
    "full": "error: the disk is full (/somewhere/else; ",
    "kill": "error: training failed: process {rank} of 2 was killed (SIGKILL)",
}


@pytest.mark.parametrize(
    ("how", "rank"),
    [
        ("inf", 1), ("raise", 1), ("kill", 0),
        *(pytest.param(how, rank, marks=pytest.mark.long) for how, rank in (("full", 0), ("full", 1), ("raise", 0), ("kill", 1))),
    ],
)  # fmt: skip
def test_all_end_when_one_fails(fails: Project, how: str, rank: int) -> None:
    before = checkpoints(fails)
    output = train(fails, rank=rank, how=how)
    assert fails.code == 1, output
    assert SAID[how].format(rank=rank) in output
    assert output.count("error:") == 1 and "Traceback" not in output, output
    assert "gloo" not in output and "[rank" not in output, output
    assert max(int(path.name.split("-")[1]) for path in checkpoints(fails) - before) == 16, (
        "no step of the failure is in a checkpoint"
    )


@pytest.mark.parametrize("rank", [1, pytest.param(0, marks=pytest.mark.long)])
def test_all_leave_when_one_is_told_to(fails: Project, rank: int) -> None:
    output = train(fails, rank=rank, how="stop")
    assert fails.code == 128 + signal.SIGTERM
    assert output.count("terminated at step 32; a checkpoint is written") == 1 and "orphaned" not in output, output


@pytest.mark.long
def test_all_heal_when_one_is_not_finite(fails: Project) -> None:
    remedy = {"tricks": {"failing.Fails": None}}
    fails.set("progan.stages.r4.heal", {"remedies": {"diverged": [remedy]}})
    output = train(fails, rank=1, how="inf")
    assert fails.code == 0, output
    assert output.count("restarted and resumed with") == 1 and "progan@r4 is done" in output, output
