"""What a stage was started with is edited while it runs: nothing is published, and the edit is named."""

import json
import time
from collections.abc import Callable

import pytest

from tests.conftest import Project
from tests.data.test_odd_folders import picture

TRICK = """
from espalier.stages.tricks.trick import Term

class Tiny(Term):
    name = "tiny"
    def generator_term(self, step):
        return {} * step.fake.square().mean()
"""
SLOW = """
import pathlib, time
from espalier.data.sources.folder import FolderSource

class Slow(FolderSource):
    source: str

    def listing(self):
        found = super().listing()
        pathlib.Path("listed").touch()
        time.sleep(3)
        return found
"""


def edit_rate(project: Project) -> str:
    project.set("progan.common.adam", {"learning_rate": 0.007})
    return "adam in params.yaml"


def edit_length(project: Project) -> str:
    project.set("progan.stages.r4.kimg", 0.9)
    return "kimg in params.yaml"


def edit_trick(project: Project) -> str:
    (project.root / "my_tiny.py").write_text(TRICK.format(0.02))
    return "the code of my_tiny"


def edit_data(project: Project) -> str:
    manifest = project.root / "artifacts/datasets/dolls/manifest.json"
    manifest.unlink()  # it may be a link into DVC's cache
    manifest.write_text("{}")
    return "artifacts/datasets/dolls/manifest.json"


def rename_stage(project: Project) -> str:
    params = project.params
    params["progan"]["stages"]["first"] = params["progan"]["stages"].pop("r4")
    project.write_params(params)
    return "params.yaml no longer has this stage"


def wait_for_a_checkpoint(project: Project) -> None:
    for _ in range(600):
        if list(project.root.glob(".work/progan@r4/*/step-*.pt")):
            return
        time.sleep(0.1)
    raise AssertionError("no checkpoint in a minute")


@pytest.mark.parametrize(
    "edit",
    [edit_rate, *(pytest.param(e, marks=pytest.mark.long) for e in (edit_data, edit_length, edit_trick, rename_stage))],
)
def test_an_edit_while_a_stage_trains_is_not_recorded_beside_its_weights(
    project: Project, edit: Callable[[Project], str]
) -> None:
    (project.root / "my_tiny.py").write_text(TRICK.format(0.01))
    project.set("progan.common.tricks.my_tiny.Tiny", {})
    params = project.params
    params["progan"]["common"]["tricks"]["my_tiny.Tiny"] = params["progan"]["common"]["tricks"].pop("my_tiny")["Tiny"]
    project.write_params(params)
    project.set("progan.stages.r4.kimg", 12)
    running = project.start("dvc", "repro", "progan@r4")
    wait_for_a_checkpoint(project)
    expected = edit(project)
    said = running.communicate(timeout=200)[0]
    assert running.returncode and f"so it is not published: {expected}" in " ".join(said.split()), said
    assert not (project.root / "artifacts/progan/r4").exists() and list(
        project.root.glob(".work/progan@r4/*/step-*.pt")
    )
    assert "progan@r4" not in (project.root / "dvc.lock").read_text()


@pytest.mark.long
def test_the_edit_undone_publishes_without_training(project: Project) -> None:
    project.set("progan.stages.r4.kimg", 12)
    running = project.start("dvc", "repro", "progan@r4")
    wait_for_a_checkpoint(project)
    before = (project.root / "params.yaml").read_bytes()
    edit_rate(project)
    running.communicate(timeout=200)
    (project.root / "params.yaml").write_bytes(before)
    said = project.dvc("repro", "progan@r4")
    assert "img/s  0.0 kimg" not in said and "is done: artifacts/progan/r4" in said, said
    assert json.loads(project.bytes("artifacts/progan/r4/stage.json"))["section"]["kimg"] == 12
    project.set("progan.stages.r4.kimg", 13)
    project.dvc("commit", "--force", "progan@r4")  # as if DVC had recorded an edit beside older weights
    assert "made with another kimg than params.yaml has" in " ".join(project.look("status").split())


def test_images_added_while_they_are_prepared(project: Project) -> None:
    for n in range(3):
        picture(project.root / "photos" / f"{n}.png")
    project.set("datasets.photos", {"source": "slow.Slow", "root": "photos", "resolution": 8})
    (project.root / "slow.py").write_text(SLOW)
    running = project.start("dvc", "repro", "dataset@photos")
    while not (project.root / "listed").exists() and running.poll() is None:
        time.sleep(0.05)
    picture(project.root / "photos" / "4.png")
    said = running.communicate(timeout=100)[0]
    assert running.returncode and "not published: the files in photos" in " ".join(said.split()), said
    assert not (project.root / "artifacts/datasets/photos").exists()
    project.dvc("repro", "dataset@photos")
    assert json.loads(project.bytes("artifacts/datasets/photos/manifest.json"))["count"] == 4
