"""A folder of images that DVC cannot read, and images without a class, at the command line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Project
from tests.data.test_odd_folders import TROUBLES, picture


def with_photos(project: Project, *names: str) -> Path:
    for name in names:
        picture(project.root / "photos" / name)
    project.set("datasets.photos", {"source": "folder", "root": "photos", "resolution": 8})
    return project.root / "photos"


@pytest.mark.parametrize("trouble", TROUBLES)
def test_status_names_what_cannot_be_read_and_goes_on(project: Project, trouble: Callable[[Path], str]) -> None:
    photos = with_photos(project, "cats/1.png")
    trouble(photos / "cats")
    said = project.look("status")
    assert "Traceback" not in said and "dataset@photos" in said and "progan@r16" in said, said
    assert "the folder photos cannot be read as a whole: cats/" in " ".join(said.split()), said
    refused = project.look("run", "dataset@photos", ok=False)
    assert project.code == 2 and "dataset@photos: the folder" in refused and "Traceback" not in refused, refused


def test_images_beside_the_classes_are_refused_before_training(project: Project) -> None:
    with_photos(project, *(f"cats/{n}.png" for n in range(20)), *(f"{n}.png" for n in range(10)))
    project.set("progan.common.dataset", "artifacts/datasets/photos")
    project.set("progan.stages.r4.after", "artifacts/datasets/photos")
    project.set("progan.common.tricks.projection", {})
    project.python("espalier.stages.run", "dataset", "photos")
    said = project.python("espalier.stages.run", "progan", "r4", ok=False)
    assert project.code == 2 and "10 of 30 images of the dataset artifacts/datasets/photos have no class" in said, said
    for n in range(10):
        (project.root / "photos" / f"{n}.png").unlink()
    project.python("espalier.stages.run", "dataset", "photos")
    said = project.python("espalier.stages.run", "progan", "r4")
    assert "warning: params.yaml: progan.r4: tricks.projection conditions on the class, and all images of" in said, said
