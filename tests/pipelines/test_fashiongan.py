"""FashionGAN as its user runs it: `dvc repro fashiongan_test`, from drawn people to a sheet, killed and continued, then used."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from espalier.data.dolls import doll
from espalier.data.errors import InputError
from espalier.pipelines.commands.translate import draw_outfits
from espalier.pipelines.report.diagram import LONGEST
from tests.conftest import Project, make_project
from tests.pipelines.conftest import checkpoints, wait_for
from tests.pipelines.test_dvc import reran
from tests.pipelines.test_report import assert_alone

PEOPLE = {
    "source": "dolls",
    "root": "artifacts/code/dataset/people",
    "count": 48,
    "resolution": 32,
    "background": "mist",
}
TEST = {**PEOPLE, "root": "artifacts/code/dataset/people_test", "count": 20, "seed": 1}
NETWORK = {"width": 2, "code": 16}
STAGES: dict[str, Any] = {
    "shape": {
        "type": "train", "after": "artifacts/datasets/people", "encoder": "artifacts/texts/outfits",
        "network": {"name": "fashion_shape", **NETWORK},
    },
    "image": {
        "type": "train", "after": "artifacts/fashiongan/shape", "encoder": "artifacts/texts/outfits", "maps": "mixed",
        "network": {"name": "fashion_image", **NETWORK, "variant": "paper"},
    },
}  # fmt: skip
TRANSLATE = {"type": "translate", "after": "artifacts/fashiongan/image", "count": 20, "shown": 3}
NAMES = ("fashiongan@shape", "fashiongan@image", "fashiongan_test@translate")
COMMON: dict[str, Any] = {
    "dataset": "artifacts/datasets/people", "encoder": "artifacts/texts/outfits",
    "kimg": 0.4, "batch_size": 8, "resolution": 32, "adam": {"betas": [0.5, 0.999]},
    "tricks": {"loss": "nonsaturating", "matching_aware": {}, "reconstruction": {}, "ema": {}},
    "watch": {"log_steps": 5, "sample_kimg": 0.1, "checkpoint_seconds": 0.2},
}  # fmt: skip
WEIGHTS = [f"artifacts/fashiongan/{s}/generator.safetensors" for s in ("shape", "image")]


def make(root: Path) -> Project:
    """A tiny project with FashionGAN in it."""
    project = make_project(root)
    project.set("datasets.people", PEOPLE)
    project.set("datasets.people_test", TEST)
    text = {"dataset": "artifacts/datasets/people", "test": "artifacts/datasets/people_test", "attributes": ["garment"]}
    project.set("texts.outfits", {**text, "epochs": 2, "width": 16})
    project.set("fashiongan", {"common": COMMON, "stages": STAGES})
    held_out = {"dataset": "artifacts/datasets/people_test"}
    project.set("fashiongan_test", {"common": held_out, "stages": {"translate": TRANSLATE}})
    return project


@pytest.fixture(scope="module")
def dressed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The whole pipeline, run by one dvc repro that is killed in both trainings and begun again."""
    project = make(tmp_path_factory.mktemp("dressed") / "project")
    for stage in ("shape", "image"):
        begun = project.start("dvc", "repro", "fashiongan_test")
        wait_for(lambda s=stage, b=begun: _checkpoints(project, s) or b.poll() is not None)  # type: ignore[misc]
        assert begun.poll() is None, begun.stdout and begun.stdout.read()
        os.killpg(begun.pid, signal.SIGKILL)
        begun.wait()
    assert "continuing at step" in project.dvc("repro", "fashiongan_test")
    return project


def _checkpoints(project: Project, stage: str) -> bool:
    return any(f"fashiongan@{stage}" in str(path) for path in checkpoints(project))


def test_one_repro_makes_the_sheet_and_another_does_nothing(dressed: Project) -> None:
    sheet = dressed.root / "artifacts/fashiongan_test/translate/samples.png"
    with Image.open(sheet) as image:
        assert image.width > image.height > 3 * 128
    metrics = json.loads(dressed.bytes("artifacts/fashiongan_test/translate/metrics.json"))
    assert {"hair_iou", "face_iou", "frechet", "accuracy", "accuracy_ceiling", "accuracy_chance", "sleeve"} <= set(
        metrics
    )
    assert metrics["accuracy_ceiling"] > 0.85 > metrics["accuracy_chance"]
    assert reran(dressed.dvc("repro", "fashiongan_test")) == []


@pytest.mark.long
def test_killed_trainings_end_in_the_bits_of_an_uninterrupted_one(dressed: Project, tmp_path: Path) -> None:
    whole = make(tmp_path / "whole")
    whole.dvc("repro", "fashiongan@image")
    for path in WEIGHTS:
        assert whole.bytes(path) == dressed.bytes(path), path


def test_status_sample_and_inspect_know_its_stages(dressed: Project) -> None:
    said = dressed.look("status")
    assert all(name in said for name in NAMES)
    assert "half-way" not in said
    assert "text@outfits" in said
    for stage in ("shape", "image"):
        dressed.look("sample", f"artifacts/fashiongan/{stage}", "-n", "4", "-o", f"{stage}.png")
        assert (dressed.root / f"{stage}.png").is_file()
    assert "artifacts/fashiongan/shape" in dressed.look("inspect", "artifacts/fashiongan/image")
    for pipeline in ("fashiongan", "fashiongan_test"):
        assert f"the configuration of {pipeline} is valid" in dressed.look("check", pipeline)


def test_its_report_shows_what_was_made_of_people_and_sentences(dressed: Project) -> None:
    pages = {}
    for pipeline in ("fashiongan", "fashiongan_test"):
        dressed.look("report", pipeline, "-o", "page.html", "-n", "8")
        pages[pipeline] = page = (dressed.root / "page.html").read_text(encoding="utf-8")
        assert_alone(page)
        assert '<section id="beside">' not in page  # its images are not made of latents alone
    for name in NAMES:
        page, box = pages[name.partition("@")[0]], name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
        assert f'alt="samples of {name}"' in page and f">{box}</text>" in page
        assert f">{box}</text>" in pages["fashiongan_test"]  # with all that it came from
    assert '<section id="curves">' in pages["fashiongan"] and "matching_aware" in pages["fashiongan"]


@pytest.mark.long
def test_a_check_needs_nothing_prepared(tmp_path: Path) -> None:
    said = make(tmp_path / "fresh").look("check", "fashiongan")
    assert "the dataset is not prepared yet" in said


@pytest.mark.long
def test_a_change_to_the_second_stage_leaves_the_first(dressed: Project) -> None:
    dressed.set("fashiongan.stages.image.kimg", 0.1)
    assert reran(dressed.dvc("repro", "fashiongan_test")) == ["fashiongan@image", "fashiongan_test@translate"]


@pytest.fixture
def photo(dressed: Project) -> Path:
    """A doll's image and map in the project's folder."""
    drawn = doll(7, 0, 64)
    Image.fromarray(drawn.image).save(dressed.root / "doll.png")
    Image.fromarray(drawn.map).save(dressed.root / "map.png")
    return dressed.root / "doll.png"


def test_a_photo_is_translated_from_artifacts_alone(dressed: Project, photo: Path) -> None:
    asked = (
        "translate",
        "doll.png",
        "--map",
        "map.png",
        "--text",
        "a red dress",
        "--text",
        "Blue jeans and a zylph!",
        "-n",
        "2",
    )
    said = dressed.espalier(*asked, "-o", "one.png")
    assert "zylph" in said
    with Image.open(dressed.root / "one.png") as image:
        assert image.height < image.width
    dressed.look(*asked, "-o", "again.png")
    assert dressed.bytes("one.png") == dressed.bytes("again.png")


@pytest.mark.parametrize(
    ("image", "classes", "sentence", "words"),
    [
        ("nobody.png", "map.png", "a red dress", "there is no image nobody.png"),
        ("doll.png", "none.png", "a red dress", "the image has no segmentation map"),
        ("doll.png", "doll.png", "a red dress", "saved as RGB, not as classes"),
        ("doll.png", "small.png", "a red dress", "is 32x32, the image 64x64"),
        ("doll.png", "wrong.png", "a red dress", "has pixels of 9"),
        ("doll.png", "map.png", " ", "has no words"),
        ("doll.png", "map.png", "zylph qwert", "the vocabulary covers"),
        ("doll.png", "map.png", "a red dress " * 40, "use at most 60"),
    ],
)
def test_what_cannot_be_translated_is_refused_in_words(
    dressed: Project,
    photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    image: str,
    classes: str,
    sentence: str,
    words: str,
) -> None:
    monkeypatch.chdir(dressed.root)
    with Image.open("map.png") as opened:
        opened.resize((32, 32), Image.Resampling.NEAREST).save("small.png")
        opened.point(lambda value: 9 if value == 3 else value).save("wrong.png")
    with pytest.raises(InputError) as refused:
        draw_outfits(Path(image), Path(classes), [sentence], 1, 0, Path("artifacts/fashiongan/image"), Path("out.png"))
    assert words in str(refused.value)


def test_the_command_refuses_without_a_traceback(dressed: Project, photo: Path) -> None:
    said = dressed.look("translate", "doll.png", "--map", "none.png", "--text", "a red dress", ok=False)
    assert dressed.code == 2
    assert said.startswith("error: the image has no segmentation map")
