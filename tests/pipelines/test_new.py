"""`espalier new`: a pipeline more in params.yaml and dvc.yaml, and nothing else changes in them."""

import difflib
import shutil
from pathlib import Path

import pytest
from PIL import Image

from espalier.data.dolls import doll
from tests.conftest import ROOT, Project
from tests.pipelines.conftest import Served, Server


def photos(folder: Path, count: int = 24) -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        Image.fromarray(doll(1, number, 32).image).save(folder / f"{number}.png")


def changes(before: str, after: str) -> tuple[list[str], list[str]]:
    """Lines removed and added."""
    lines = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    return [line[2:] for line in lines if line[0] == "-"], [line[2:] for line in lines if line[0] == "+"]


@pytest.mark.parametrize("like", ["progan", "fashiongan"])
def test_the_shipped_files_keep_their_comments_and_order(project: Project, like: str) -> None:
    files = ("params.yaml", "dvc.yaml")
    for name in files:
        shutil.copy(ROOT / name, project.root / name)
    assert f"added dvc.yaml: stages.mine-{like}" in project.espalier("new", f"mine-{like}", "--like", like)
    for name in files:
        removed, added = changes((ROOT / name).read_text(), (project.root / name).read_text())
        assert removed == [] and any(f"mine-{like}" in line for line in added)
    assert project.params[f"mine-{like}"]["common"]["tricks" if like == "progan" else "encoder"]
    stages = project.dvc("stage", "list", "--name-only").split()
    own = [stage.partition("@")[2] for stage in stages if stage.startswith(f"mine-{like}@")]
    assert own == [stage.partition("@")[2] for stage in stages if stage.startswith(f"{like}@")] != []
    project.espalier("new", f"next-{like}", "--like", f"mine-{like}")
    assert f"artifacts/mine-{like}/" not in str(project.params[f"next-{like}"])


@pytest.mark.parametrize("emptied", ["datasets: # root: what DVC tracks\n", "datasets: {}\n", "datasets:\n", ""])
def test_a_first_dataset_takes_the_place_of_none(project: Project, emptied: str) -> None:
    text = (ROOT / "pipelines/commands/project/params.yaml.template").read_text()
    start, end = text.index("datasets:"), text.index("\nprogan:")
    (project.root / "params.yaml").write_text(text[:start] + emptied + text[end:])
    photos(project.root / "a, {b}")
    project.espalier("new", "faces", "--like", "progan", "--images", "a, {b}")
    assert project.params["datasets"] == {"faces": {"source": "folder", "root": "a, {b}", "resolution": 32}}


def test_files_of_another_form_are_left_as_they_are(project: Project) -> None:
    indented = "\n".join(
        "  " + line if line.startswith(" ") else line for line in (ROOT / "dvc.yaml").read_text().splitlines()
    )
    (project.root / "dvc.yaml").write_text(indented)
    before = (project.root / "params.yaml").read_bytes()
    photos(project.root / "photos")
    said = project.espalier("start", "faces", "--images", "photos", "--hours", "0.3", "--resolution", "16", ok=False)
    assert "dvc.yaml has a form that cannot be extended" in said
    assert (project.root / "params.yaml").read_bytes() == before


@pytest.mark.long
def test_two_pipelines_on_two_datasets_each_rerun_only_their_own(project: Project) -> None:
    photos(project.root / "my photos")
    project.espalier("new", "faces", "--like", "progan", "--images", "my photos")
    assert project.params["datasets"]["faces"] == {"source": "folder", "root": "my photos", "resolution": 16}
    assert project.params["faces"]["stages"]["r8"]["after"] == "artifacts/faces/r4"
    project.dvc("repro", "faces@r8", "progan@r4")
    said = project.dvc("repro", "faces@r8", "progan@r4")
    assert "Running stage 'code'" in said and "Running stage 'faces" not in said and "Running stage 'progan" not in said
    project.set("faces.common.adam", {"learning_rate": 0.002})
    said = project.dvc("repro", "faces@r8", "progan@r4")
    assert (
        "Running stage 'faces@r4'" in said
        and "Running stage 'faces@r8'" in said
        and "Running stage 'progan" not in said
    )
    Image.new("RGB", (20, 20)).save(project.root / "my photos/another.png")
    said = project.dvc("repro", "faces@r4", "progan@r4")
    assert (
        "Running stage 'dataset@faces'" in said
        and "Running stage 'dataset@dolls" not in said
        and "Running stage 'progan" not in said
    )


@pytest.mark.long
def test_every_pipeline_is_a_flow_without_a_line_of_code(project: Project, server: Server) -> None:
    project.espalier("new", "of-mine", "--like", "progan")
    (project.root / ".work").mkdir()
    served = Served(project, server, "of-mine")
    run = served.run("of-mine", until="r4")
    server.wait_until(run, "Completed")
    assert server.tasks(run)["of-mine@r4"] == "Completed"
    served.stop()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("progan", "--like", "progan"), "params.yaml has 'progan' already; choose another name"),
        (("text", "--like", "progan"), "cannot be named 'text', which is reserved"),
        (("my pipe", "--like", "progan"), "cannot be the name of a pipeline: use letters, digits"),
        (("true", "--like", "progan"), "'true' is not text in YAML; choose another name"),
        (("12", "--like", "progan"), "'12' is not text in YAML; choose another name"),
        (("mine", "--like", "progam"), "has no pipeline 'progam'; did you mean 'progan'?"),
        (("dolls", "--like", "progan", "--images", "x"), "datasets.dolls exists already"),
        (("mine", "--like", "progan", "--images", "x"), "the image folder x does not exist"),
    ],
)
def test_what_cannot_be_added_is_refused_and_nothing_is_written(
    project: Project, arguments: tuple[str, ...], said: str
) -> None:
    before = {name: (project.root / name).read_bytes() for name in ("params.yaml", "dvc.yaml")}
    assert said in project.espalier("new", *arguments, ok=False)
    assert before == {name: (project.root / name).read_bytes() for name in before}


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ("datasets: {dolls: {source: dolls, root: x, resolution: 16}}\n", "datasets is on one line"),
        ("", "added params.yaml: datasets.mine"),
        ("datasets: {}\n", "added params.yaml: datasets.mine"),
        (
            "datasets:\n    # mine\n    dolls: {source: dolls, root: x, resolution: 16}\n",
            "added params.yaml: datasets.mine",
        ),
    ],
)
def test_other_forms_of_params_yaml(project: Project, params: str, said: str) -> None:
    rest = "progan:\n  common: {dataset: artifacts/datasets/dolls}\n  stages:\n    r4: {resolution: 4, kimg: 1}\n\n# the end"
    (project.root / "params.yaml").write_text(params + rest)
    photos(project.root / "photos")
    output = project.espalier("new", "mine", "--like", "progan", "--images", "photos", ok="added" in said)
    assert said in output
    text = (project.root / "params.yaml").read_text()
    assert "# the end" in text
    if "added" in said:
        assert project.params["datasets"]["mine"]["resolution"] == 4
        assert project.params["mine"]["common"]["dataset"] == "artifacts/datasets/mine"
