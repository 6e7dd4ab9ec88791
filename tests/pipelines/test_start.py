"""`espalier start`: from a folder of images to a pipeline that fits them, the machine and the time."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from espalier.data.dolls import doll
from espalier.data.errors import InputError
from espalier.data.survey import Survey
from espalier.pipelines.commands.choice import EARLIER, GROWN, Choice, Cost, Machine, chosen, refuse_hopeless
from espalier.stages.config.load import stage_config
from espalier.stages.config.params import read_params
from espalier.stages.config.sections import source_config
from tests.conftest import Project
from tests.pipelines.test_new import changes, photos

LAPTOP = Machine(gpu=False, cores=2, memory=8 << 30, imagenet=True)
CARD = Machine(gpu=True, cores=16, memory=80 << 30, imagenet=True)


def seen(**given: Any) -> Survey:
    facts: dict[str, Any] = {
        "root": Path("photos"), "count": 300, "looked": 300, "damaged": {}, "channels": 3, "classes": {},
        "sides": (500, 600, 900),
        "aspect": (1.0, 1.0), "distinct": 1.0, "near": 0.0, "brightest": None, "seconds": 0.01, "notes": [],
    }  # fmt: skip
    return Survey(**{**facts, **given})


def pace(at32: float, peak: int = 1 << 30) -> Callable[[Choice], Cost]:
    """A machine whose images a second fall with their pixels."""

    def rate(side: int) -> float:
        return at32 * (32 / side) ** 2

    def cost(choice: Choice) -> Cost:
        before = sum(1000 * GROWN[side] / rate(side) for side in choice.grown)
        return Cost(rate(choice.resolution), peak, 1 << 28, before)

    return cost


def choose(survey: Survey, machine: Machine, minutes: float, at32: float, **given: Any) -> Choice:
    measure = pace(at32, given.pop("peak", 1 << 30))
    return chosen("mine", survey, machine, 60 * minutes, given.pop("resolution", None), None, measure)


@pytest.mark.parametrize(
    ("minutes", "at32", "resolution"), [(2, 60, 16), (10, 60, 32), (60, 60, 64), (600, 60, 128), (6000, 60, 256)]
)
def test_more_time_is_a_larger_image(minutes: float, at32: float, resolution: int) -> None:
    found = choose(seen(), LAPTOP, minutes, at32)
    assert found.resolution == found.dataset["resolution"] == found.common["resolution"] == resolution
    used = sum(
        1000 * kimg / (at32 * (32 / side) ** 2)
        for side, kimg in [*found.grown.items(), (resolution, found.common["kimg"])]
    )
    assert used == pytest.approx(60 * minutes, rel=0.05), "all of the time is used"
    assert sorted(found.grown) == list(found.grown) == [side for side in GROWN if side < resolution]
    assert found.common["tricks"]["fade"]["kimg"] <= min(found.common["kimg"], *found.grown.values()) / 2.9
    assert found.grown[8] <= 10 * GROWN[8]


def test_the_stages_before_the_last_have_their_share_of_a_short_time() -> None:
    found = choose(seen(), LAPTOP, 1, 60, resolution=32)
    earlier = sum(1000 * kimg / (60 * (32 / side) ** 2) for side, kimg in found.grown.items())
    assert earlier == pytest.approx(EARLIER * 60, rel=0.05)


def test_time_between_stages_is_no_training() -> None:
    def measure(choice: Choice) -> Cost:
        return Cost(100, 1 << 30, 1 << 28, before=10, around=30)

    found = chosen("mine", seen(), LAPTOP, 60, 32, None, measure)
    assert found.common["kimg"] == pytest.approx(100 * (60 - 30) * (1 - EARLIER) / 1000, rel=0.05)
    with pytest.raises(InputError, match="show 0 images"):
        chosen("mine", seen(), LAPTOP, 20, 32, None, measure)


def test_few_images_are_augmented() -> None:
    assert choose(seen(), LAPTOP, 10, 60).common["tricks"]["diffaugment"] == {}
    assert "diffaugment" not in choose(seen(count=8000, looked=2000), LAPTOP, 10, 60).common["tricks"]


def test_images_are_not_enlarged() -> None:
    assert choose(seen(sides=(60, 62, 70)), LAPTOP, 6000, 60).resolution == 64
    assert choose(seen(sides=(28, 28, 28)), LAPTOP, 6000, 60).resolution == 32
    assert choose(seen(sides=(500, 600, 900)), CARD, 6000, 60000).resolution == 512


def test_what_does_not_fit_the_memory_is_tried_smaller() -> None:
    def measure(choice: Choice) -> Cost:
        if choice.resolution > 128:
            raise InputError("out of memory")
        return Cost(1e6, 1 << 30, 1 << 28)

    found = chosen("mine", seen(), CARD, 36000, None, None, measure)
    assert found.resolution == 128 and found.common["network"] == {"side": 128}
    assert choose(seen(), CARD, 6000, 60000).common["network"] == {"side": 224}


def test_what_the_batch_follows() -> None:
    few = choose(seen(count=20, looked=20), LAPTOP, 10, 60)
    assert few.common["batch_size"] == 16
    tight = choose(seen(), Machine(True, 2, 2 << 30, True), 10, 60, peak=6 << 30)
    assert tight.common["recipe"] == "projected" and tight.common["batch_size"] < 32, "batch norm needs whole batches"
    without = choose(seen(), Machine(True, 2, 2 << 30, False), 10, 60, peak=6 << 30)
    assert without.common["recipe"] == "stylegan2" and without.common["batch_size"] == 32
    assert without.common["micro_batch"] == 4 and any("6.0 GiB" in words for words in without.words)


def test_a_resolution_that_is_asked_for_is_kept() -> None:
    assert choose(seen(), LAPTOP, 5, 60, resolution=128).common["kimg"] == 0.68
    with pytest.raises(InputError, match="teaches nothing"):
        choose(seen(), LAPTOP, 0.5, 60, resolution=256)


def test_the_shape_that_most_images_have_is_kept() -> None:
    tall = choose(seen(aspect=(1.34, 0.9)), LAPTOP, 10, 60)
    assert tall.dataset["fit"] == "aspect" and any("32x24 (height x width), as 90%" in words for words in tall.words)
    mixed = choose(seen(aspect=(1.34, 0.4)), LAPTOP, 10, 60)
    assert "fit" not in mixed.dataset and any("the middle square" in words for words in mixed.words)
    assert not any("shape" in words for words in choose(seen(), LAPTOP, 10, 60).words)


def test_scans_and_damaged_files_are_provided_for() -> None:
    assert choose(seen(brightest=4090, channels=1), LAPTOP, 10, 60).dataset["range"] == [0, 4095]
    assert "range" not in choose(seen(brightest=60000, channels=1), LAPTOP, 10, 60).dataset
    torn = {f"{n}.png": "torn" for n in range(30)}
    assert choose(seen(damaged=torn), LAPTOP, 10, 60).dataset["damaged"] == 0.15


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"count": 1, "looked": 1}, "1 different images: a network would learn them by heart; give it 10 or more"),
        ({"count": 5, "looked": 5}, "5 different images"),
        ({"distinct": 1 / 300}, "1 different images, as 300 are copies of each other"),
        ({"near": 0.99}, "nearly all images in photos are alike"),
        (
            {"count": 2, "looked": 2, "damaged": {"a": "torn", "b": "torn"}},
            "none of the images in photos can be read; a: torn",
        ),
    ],
)
def test_hopeless_folders_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        refuse_hopeless(seen(**given))
    assert said in str(caught.value)


def test_too_little_time_says_how_much_it_takes() -> None:
    with pytest.raises(InputError, match=r"0\.1 minutes of training.* too short even at 16x16.* thousand images take"):
        choose(seen(), LAPTOP, 0.1, 60)


def test_it_is_written_beside_the_others_and_can_be_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: (project.root / name).read_text() for name in ("params.yaml", "dvc.yaml")}
    photos(project.root / "my photos")
    said = project.espalier("start", "faces", "--images", "my photos", "--hours", "0.3", "--resolution", "16")
    assert "images: 24 colour" in said and "resolution 16: as asked" in said and "next: espalier run faces" in said
    for name, text in before.items():
        removed, added = changes(text, (project.root / name).read_text())
        assert removed == [] and any("faces" in line for line in added)
    monkeypatch.chdir(project.root)
    params = read_params()
    config = stage_config(params, "faces", "r16")
    assert (
        source_config(params, "faces").root == Path("my photos")
        and config.batch_size == 16
        and config.recipe == ("projected" if torch.cuda.is_available() else "progan")
    )
    assert "faces@r16" in project.dvc("stage", "list", "--name-only").split()
    assert re.search(r"faces@r16 +4?", project.espalier("check", "faces"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["progan", "--images", "few"], "params.yaml has 'progan' already"),
        (["faces", "--images", "nowhere"], "the image folder nowhere does not exist"),
        (["faces", "--images", "few"], "5 different images"),
        (["faces", "--images", "many", "--hours", "0.01"], "0.6 minutes, and all but training takes"),
        (["faces", "--images", "many", "--resolution", "48"], "--resolution is '48'; use auto, or a power of two"),
        (["faces", "--images", "many", "--from", "artifacts/nothing/r4"], "artifacts/nothing/r4"),
    ],
)
def test_what_cannot_be_started_changes_nothing(project: Project, arguments: list[str], said: str) -> None:
    photos(project.root / "few", 5)
    photos(project.root / "many", 24)
    before = {name: (project.root / name).read_bytes() for name in ("params.yaml", "dvc.yaml")}
    assert said in project.espalier("start", *arguments, ok=False)
    assert before == {name: (project.root / name).read_bytes() for name in before}


@pytest.mark.long
def test_forty_tall_photos_become_a_generator_in_two_minutes(project: Project) -> None:
    folder = project.root / "tall"
    folder.mkdir()
    for number in range(40):
        Image.fromarray(doll(1, number, 64).image).crop((8, 0, 56, 64)).save(folder / f"{number}.png")
    begun = time.monotonic()
    project.espalier("start", "tall", "--images", "tall", "--hours", "0.033", "--resolution", "16")
    said = project.espalier("run", "tall")
    assert "report:  reports/tall.html" in said and time.monotonic() - begun < 1.15 * 0.033 * 3600 + 30
    project.espalier("sample", "tall@r16", "-n", "4", "--folder", "made")
    with Image.open(project.root / "made/00000.png") as image:
        assert image.size == (12, 16)


@pytest.mark.long
def test_it_goes_on_with_a_trained_generator(copy_of_trained: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project = copy_of_trained
    photos(project.root / "photos")
    arguments = ("--images", "photos", "--hours", "0.3", "--from", "progan@r16")
    said = project.espalier("start", "others", *arguments)
    assert "those of artifacts/progan/r16, whose training goes on with these images" in said
    monkeypatch.chdir(project.root)
    config, parent = (stage_config(read_params(), name, "r16") for name in ("others", "progan"))
    assert config.transfer and config.network == parent.network and config.after == Path("artifacts/progan/r16")
    assert {trick.name for trick in config.tricks.others} >= {"diffaugment"}
    project.set("others.common.kimg", 0.48)
    project.espalier("run", "others")
    assert (project.root / "reports/others.html").is_file() and (project.root / "reports/others.png").is_file()


def test_16_bit_scans_are_prepared_in_their_own_range(project: Project) -> None:
    folder = project.root / "scans"
    folder.mkdir()
    for number in range(12):
        scan = np.random.default_rng(number).integers(0, 4096, (40, 40), dtype=np.uint16)
        Image.fromarray(scan).save(folder / f"{number}.png")
    project.espalier("start", "scans", "--images", "scans", "--hours", "0.3", "--resolution", "16")
    project.dvc("repro", "dataset@scans")
    images = np.load(project.root / "artifacts/datasets/scans/images-16.npy")
    assert images.shape == (12, 16, 16, 1) and 100 < images.mean() < 156
