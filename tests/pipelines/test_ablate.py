"""Ablations: real experiments on the tiny project, interrupted and gone on with."""

import csv
import os
import signal

import pytest
from PIL import Image

from espalier.data.errors import InputError
from espalier.pipelines.commands.ablate import Axis, Result, Trial, overrides, parse_axis
from espalier.pipelines.commands.ranking import choose_metric, ranked
from tests.conftest import TINY, Project
from tests.pipelines.conftest import processes_of, wait_for


def rows(project: Project) -> list[dict[str, str]]:
    with (project.root / "ablations/progan-r4.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.long
def test_an_ablation_ranks_what_can_be_and_goes_on_where_it_was_stopped(copy_of_trained: Project) -> None:
    project = copy_of_trained
    before = {name: project.bytes(name) for name in ("params.yaml", "dvc.lock", "artifacts/progan/r4/stage.json")}
    command = (
        "espalier",
        "ablate",
        "progan",
        "r4",
        "--over",
        "loss=nonsaturating,hinge",
        "--over",
        "label_smoothing=off,0.9",
    )
    process = project.start(*command, "--seeds", "1")
    wait_for(lambda: (project.root / "ablations/progan-r4.csv").is_file())
    wait_for(lambda: processes_of(project))  # DVC ignores it while a stage's process ends
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 130 and "run the same command to continue" in said, said
    assert "skipped: loss=hinge label_smoothing=0.9" in said and "no labels" in said
    assert not processes_of(project)
    finished = {row["key"] for row in rows(project)}
    assert finished
    output = project.run(*command, "--seeds", "1")
    assert len(rows(project)) == 3 and finished <= {row["key"] for row in rows(project)}
    assert f"run {len(finished) + 1} of 3" in output and f"run {len(finished)} of 3" not in output
    for combination in ("loss=nonsaturating label_smoothing=off", "loss=nonsaturating label_smoothing=0.9"):
        assert combination in output
    assert Image.open(project.root / "ablations/progan-r4.png").size[0] > 500
    assert {name: project.bytes(name) for name in before} == before
    assert len(project.dvc("exp", "list", "--name-only").split()) == 3
    again = project.run(*command, "--seeds", "1", "--by", "loss_d", "--lowest")
    assert "Running stage" not in again and "loss_d" in again
    assert "no run has the metric 'fid'; available: d_accuracy" in project.run(
        *command, "--seeds", "1", "--by", "fid", ok=False
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("progan", "r5", "--over", "loss=wgan"), "has no stage 'r5'; it has: r4, r8, r16"),
        (("progan", "r4", "--over", "loss"), "expected KEY=VALUE,VALUE"),
        (("progan", "r4", "--over", "loss=wgan,"), "expected KEY=VALUE,VALUE"),
        (("progan", "r4", "--over", "loss=wgam"), "did you mean 'wgan'"),
        (("progan", "r4", "--over", "packin=1,2"), "did you mean 'packing'"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    copy_of_trained: Project, arguments: tuple[str, ...], expected: str
) -> None:
    output = copy_of_trained.look("ablate", *arguments, ok=False)
    assert copy_of_trained.code == 2 and expected in output and "Traceback" not in output


def test_an_option_that_is_not_there_yet_is_added() -> None:
    choices = (("tricks.packing", 2), ("batch_size", 16), ("resolution", 4))
    said = overrides(TINY, "progan", "r4", Trial("", choices, 7, ""))
    assert said == (
        "+progan.stages.r4.tricks.packing=2", "+progan.stages.r4.batch_size=16", "progan.stages.r4.resolution=4",
        "+progan.stages.r4.seed=7",
    )  # fmt: skip


def test_axes_are_options_of_the_stage_or_tricks() -> None:
    assert parse_axis("loss=wgan, hinge") == Axis("tricks.loss", ("wgan", "hinge"))
    assert parse_axis("adam.learning_rate=1e-3,1e-4") == Axis("adam.learning_rate", ("1e-3", "1e-4"))
    assert parse_axis("adam.betas=[0,0.9],[0.5,0.9]").values == ("[0,0.9]", "[0.5,0.9]")


def test_the_ranking_has_means_errors_and_failures() -> None:
    def result(combination: str, seed: int, **metrics: float) -> Result:
        return Result(Trial(combination, (), seed, f"{combination}{seed}"), metrics)

    results = [
        result("a", 0, diversity=0.2), result("a", 1, diversity=0.4), result("b", 0, diversity=0.9), result("b", 1),
        result("c", 0),
    ]  # fmt: skip
    assert choose_metric(results, "") == "diversity"
    first, second, last = ranked(results, "diversity", lowest=False)
    assert (first.combination, first.mean, first.failed) == ("b", 0.9, 1)
    assert second.mean == pytest.approx(0.3) and second.error == pytest.approx(0.1)
    assert last.combination == "c" and not last.values
    assert ranked(results, "diversity", lowest=True)[0].combination == "a"
    with pytest.raises(InputError, match="no run has the metric"):
        choose_metric(results, "fid")
