"""`espalier init`: a project of one's own, run, shared through a DVC remote and continued on a second clone."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.conftest import ROOT, TINY, Project
from tests.pipelines.test_new import photos

GIT = ("git", "-c", "user.name=a user", "-c", "user.email=user@example.com")


def small(project: Project) -> None:
    """The same pipeline with tiny networks and short stages."""
    common: dict[str, Any] = {key: TINY["progan"]["common"][key] for key in ("kimg", "batch_size", "network", "watch")}
    project.set("progan.common.tricks.fade", {"kimg": 0.16})
    for key, value in common.items():
        project.set(f"progan.common.{key}", value)
    for stage in project.params["progan"]["stages"]:
        project.set(f"progan.stages.{stage}.kimg", common["kimg"])


def init(folder: Path, *arguments: str) -> Project:
    project = Project(folder)
    Project(folder.parent).espalier("init", folder.name, *arguments)
    return project


def test_a_new_project_has_the_shipped_pipeline_and_its_own_history(tmp_path: Path) -> None:
    project = init(tmp_path / "mine")
    shipped = YAML(typ="safe").load(ROOT / "params.yaml")
    assert project.params["progan"] == shipped["progan"]
    assert project.params["datasets"]["dolls"] == shipped["datasets"]["dolls"]
    ours, stages = (YAML(typ="safe").load(file)["stages"] for file in (ROOT / "dvc.yaml", project.root / "dvc.yaml"))
    assert stages == {name: ours[name] for name in ("code", "dataset", "progan", "features")}
    assert project.run("git", "rev-list", "--all").strip() == "" and not (project.root / "dvc.lock").exists()
    assert sorted(path.name for path in project.root.iterdir()) == [
        ".dvc", ".dvcignore", ".git", ".gitignore", "README.md", "dvc.yaml", "params.yaml",
    ]  # fmt: skip
    assert "progan@r32" in project.espalier("status")


@pytest.mark.long
def test_it_is_trained_shared_and_continued_on_a_second_clone(tmp_path: Path) -> None:
    photos(tmp_path / "mine/photos")
    project = init(tmp_path / "mine", "--images", "mine/photos", "--hours", "1")
    assert project.params["datasets"]["images"]["root"] == "photos" and "progan" not in project.params
    common, stages = project.params["images"]["common"], project.params["images"]["stages"]
    stage = list(stages)[-1]
    short = {"kimg": 0.16, "stop": None, "tricks": {**common["tricks"], "fade": {"kimg": 0.05}}}
    project.set("images.common", {**common, **short})
    for name, options in stages.items():
        project.set(f"images.stages.{name}", {key: value for key, value in options.items() if key != "kimg"})
    project.set("images.stages.more", {"after": f"artifacts/images/{stage}", "transfer": True})
    project.run("dvc", "add", "--quiet", "photos")
    project.espalier("run", "images", "--until", stage)
    project.run("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    project.run("git", "add", ".")
    project.run(*GIT, "commit", "-qm", "trained")
    assert "dvc.lock" in project.run("git", "ls-files") and "artifacts" not in project.run("git", "ls-files")
    project.run("dvc", "push", "--quiet")
    shutil.rmtree(project.root / "photos")  # the second clone is alone
    Project(tmp_path).run("git", "clone", "-q", str(project.root), "second")
    second = Project(tmp_path / "second")
    second.run("dvc", "pull", "--quiet", "--allow-missing")
    output = second.espalier("run", "images")
    assert [line for line in output.splitlines() if line.startswith("Running stage")] == [
        "Running stage 'code':",
        "Running stage 'images@more':",
    ]
    assert (second.root / "reports/images.html").is_file()


def test_images_become_the_pipeline_that_start_chooses(tmp_path: Path) -> None:
    photos(tmp_path / "photos")
    project = init(tmp_path / "mine", "--images", "photos", "--hours", "1")
    assert list(project.params) == ["datasets", "features", "images"]
    assert project.params["datasets"] == {"images": {"source": "folder", "root": "../photos", "resolution": 32}}
    stages = YAML(typ="safe").load(project.root / "dvc.yaml")["stages"]
    assert list(stages) == ["code", "dataset", "features", "images"]
    assert "images@r32" in project.espalier("status") and "progan" not in (project.root / "README.md").read_text()
    assert (project.root / "params.yaml").read_text().startswith("# The only configuration")


@pytest.mark.parametrize(
    ("before", "arguments", "said"),
    [
        ("params.yaml", (), "params.yaml exists already; choose another folder, or add a pipeline: espalier new"),
        ("dvc.yaml", (), "dvc.yaml exists already"),
        (None, ("--images", "nowhere"), "the image folder nowhere does not exist"),
    ],
)
def test_what_cannot_become_a_project_is_refused(
    tmp_path: Path, before: str | None, arguments: tuple[str, ...], said: str
) -> None:
    folder = tmp_path / "mine"
    if before:
        folder.mkdir()
        (folder / before).write_text("theirs: 1\n")
    assert said in Project(tmp_path).espalier("init", "mine", *arguments, ok=False)
    assert [path.name for path in folder.glob("*")] == ([before] if before else [])


def test_files_of_the_user_stay(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "README.md").write_text("mine\n")
    (folder / ".gitignore").write_text("secret\n/.work/\n")
    project = init(folder)
    assert (folder / "README.md").read_text() == "mine\n"
    ignored = (project.root / ".gitignore").read_text().splitlines()
    assert ignored[:2] == ["secret", "/.work/"] and ignored.count("/.work/") == 1 and "/artifacts/*" in ignored


def test_help_lists_init_first(trained: Project) -> None:
    said = trained.look("--help")
    assert "Start a project of your own" in said and "Add a pipeline to params.yaml" in said
