"""The chain as DVC runs it: the DAG, what re-runs, metrics, plots, experiments."""

import json
import shutil

import pytest

from tests.conftest import Project


def reran(output: str) -> list[str]:
    """The stages that a `dvc repro` ran, beside the one that it always runs, which writes fingerprints of the code."""
    ran = [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]
    return [stage for stage in ran if stage != "code"]


def test_the_dag_has_every_stage_that_params_names(trained: Project) -> None:
    listed = trained.dvc("stage", "list", "--name-only").split()
    named = ["code"]
    named += [f"{group}@{name}" for group, section in (("dataset", "datasets"),) for name in trained.params[section]]
    named += [f"progan@{name}" for name in trained.params["progan"]["stages"]]
    assert sorted(listed) == sorted(named)


def test_a_repro_with_nothing_to_do_runs_nothing(trained: Project) -> None:
    output = trained.dvc("repro")
    assert reran(output) == [] and output.count("Running stage 'code'") == 1
    unchanged = ("dataset@dolls", "progan@r4", "progan@r8", "progan@r16")
    assert all(f"Stage '{name}' didn't change, skipping" in output for name in unchanged) and "Updating" not in output


def test_an_artifact_is_whole_and_says_where_it_came_from(trained: Project) -> None:
    folder = trained.root / "artifacts/progan/r8"
    there = {path.name for path in folder.iterdir()}
    assert there == {
        "generator.safetensors", "discriminator.safetensors", "stage.json", "metrics.json", "history.csv", "monitor.csv",
        "samples.png", "samples", "milestones", "components", "curves", "curves.png",
    }  # fmt: skip
    record = json.loads((folder / "stage.json").read_text())
    assert record["parent"]["path"] == "artifacts/progan/r4" and record["outcome"] == "finished"
    assert (record["step"], record["images"]) == (100, 800)
    assert record["config"]["tricks"]["gradient_penalty"] == {
        "weight": 10.0,
        "every": 2,
        "target": 1.0,
        "one_sided": False,
    }


def test_metrics_plots_and_params(copy_of_trained: Project) -> None:
    project = copy_of_trained
    metrics = json.loads(project.dvc("metrics", "show", "--json"))[""]["data"]
    there = {path: found["data"] for path, found in metrics.items() if "data" in found}
    assert sorted(there) == [f"artifacts/progan/{r}/metrics.json" for r in ("r16", "r4", "r8")]
    assert all("diversity" in found for found in there.values())
    project.dvc("plots", "show")
    page = (project.root / "dvc_plots/index.html").read_text()
    images = {path.name for path in (project.root / "dvc_plots/static").iterdir()}
    for stage in ("r4", "r8", "r16"):
        assert f"artifacts/progan/{stage}/curves/loss_d.csv" in page.replace("\\u002f", "/")
        assert any(stage in name and "samples.png" in name for name in images)
    project.set("progan.common.adam", {"learning_rate": 0.005})
    assert "progan.common.adam.learning_rate" in project.dvc("params", "diff")


def test_a_knob_of_one_stage_reruns_that_stage_and_those_after(copy_of_trained: Project) -> None:
    copy_of_trained.set("progan.stages.r8.adam", {"learning_rate": 0.005})
    assert reran(copy_of_trained.dvc("repro")) == ["progan@r8", "progan@r16"]


@pytest.mark.long
def test_one_line_adds_a_resolution_and_only_it_is_trained(copy_of_trained: Project) -> None:
    project = copy_of_trained
    del_line = project.params
    del del_line["progan"]["stages"]["r16"]
    project.write_params(del_line)
    assert reran(project.dvc("repro")) == []
    project.set("progan.stages.r16", {"after": "artifacts/progan/r8", "resolution": 16, "kimg": 0.24})
    assert reran(project.dvc("repro")) == ["progan@r16"]


@pytest.mark.long
def test_another_dataset_by_changing_one_name(copy_of_trained: Project) -> None:
    project = copy_of_trained
    dolls = {"source": "dolls", "root": "artifacts/code/dataset/others", "count": 32, "resolution": 8, "seed": 1}
    project.set("datasets.others", dolls)
    project.set("progan.common.dataset", "artifacts/datasets/others")
    project.set("progan.stages.r4.after", "artifacts/datasets/others")
    assert reran(project.dvc("repro", "progan@r8")) == ["dataset@others", "progan@r4", "progan@r8"]
    record = json.loads(project.bytes("artifacts/progan/r8/stage.json"))
    assert record["dataset"]["path"] == "artifacts/datasets/others"


def test_training_again_gives_the_same_bytes(copy_of_trained: Project) -> None:
    project = copy_of_trained
    before = project.bytes("dvc.lock")
    shutil.rmtree(project.root / ".work")
    assert reran(project.dvc("repro", "-s", "-f", "progan@r8")) == ["progan@r8"]
    assert project.bytes("dvc.lock") == before


def test_a_finished_stage_run_again_publishes_again_and_trains_nothing(copy_of_trained: Project) -> None:
    project = copy_of_trained
    before = project.bytes("dvc.lock")
    output = project.dvc("repro", "-s", "-f", "progan@r8")
    assert "continuing at step 100" in output and "trained for" not in output
    assert project.bytes("dvc.lock") == before


@pytest.mark.long
def test_experiments_run_and_queue(copy_of_trained: Project) -> None:
    project = copy_of_trained
    project.dvc("exp", "run", "-n", "logistic", "-S", "progan.common.tricks.loss=nonsaturating", "progan@r4")
    record = json.loads(project.bytes("artifacts/progan/r4/stage.json"))
    assert record["config"]["tricks"]["loss"] == {"name": "nonsaturating"}
    project.dvc("exp", "run", "--queue", "-n", "seed9", "-S", "progan.common.seed=9", "progan@r4")
    project.dvc("exp", "run", "--run-all")
    assert {"logistic", "seed9"} <= set(project.dvc("exp", "list", "--name-only").split())


@pytest.mark.long
def test_an_older_artifact_can_be_pinned_as_a_parent(copy_of_trained: Project) -> None:
    project = copy_of_trained
    project.run("git", "tag", "v1")
    (project.root / "artifacts/pinned").mkdir()
    project.dvc("import", ".", "artifacts/progan/r4", "--rev", "v1", "-o", "artifacts/pinned/r4-v1")
    project.set("progan.stages.r8.after", "artifacts/pinned/r4-v1")
    assert reran(project.dvc("repro")) == ["progan@r8", "progan@r16"]
    assert json.loads(project.bytes("artifacts/progan/r8/stage.json"))["parent"]["path"] == "artifacts/pinned/r4-v1"
    status = project.look("status")
    assert all("up to date" in line for line in status.splitlines()[1:]), status
