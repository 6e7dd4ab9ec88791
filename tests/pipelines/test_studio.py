"""The page of `espalier studio`: what is behind it, its refusals, and the page itself in a real Chromium."""

import re
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch
from PIL import Image

from espalier.data.errors import InputError
from espalier.data.prepare import prepare
from espalier.data.sources.dolls import DollSource
from espalier.data.sources.folder import FolderSource
from espalier.data.store import Store
from espalier.pipelines.commands.directions import _keep
from espalier.pipelines.commands.sample import Wanted, draw_grid
from espalier.pipelines.studio.actions import (
    SHOWN,
    Studio,
    dress,
    find,
    image_artifacts,
    labels_of,
    one_of,
    open_studio,
    sample,
    shown,
    some_people,
    uploaded,
)
from espalier.stages.config.load import stage_config
from espalier.stages.fashiongan.translator import People, Translator
from espalier.stages.latents.directions import Direction
from espalier.stages.types.inputs import find_inputs
from tests import training
from tests.conftest import TINY, Project
from tests.pipelines.conftest import free_port, wait_for
from tests.stages.test_fashion import DOLLS, PARAMS, published, write_params
from tests.training import new_trainer, resumed, run, run_stage

IMAGE, DATASET, SORTED = (
    Path("artifacts", name) for name in ("fashiongan/image", "datasets/people_test", "datasets/sorted")
)
R4, R8, OF_CLASSES = (Path("artifacts", name) for name in ("progan/r4", "progan/r8", "told/r4"))
KNOWN = "a red dress with short sleeves"
PROGAN: dict[str, Any] = {
    "common": TINY["progan"]["common"] | {"dataset": "artifacts/datasets/people", "kimg": 0.2},
    "stages": {
        "r4": {"after": "artifacts/datasets/people", "resolution": 4},
        "r8": {"after": "artifacts/progan/r4", "resolution": 8},
    },
}
TOLD: dict[str, Any] = {
    "common": PROGAN["common"] | {"dataset": "artifacts/datasets/sorted"},
    "stages": {"r4": {"after": "artifacts/datasets/sorted", "resolution": 4, "tricks": {"class_embedding": {}}}},
}
"""Of classes."""


def train(pipeline: str, stage: str) -> None:
    """Train a stage and publish it."""
    config = stage_config({"progan": PROGAN, "told": TOLD}, pipeline, stage)
    folder = Path(f"work-{pipeline}-{stage}")
    folder.mkdir()
    trainer = new_trainer(config, *find_inputs(config), folder)
    resumed(trainer)
    training.published(run(trainer), config.artifact)


def sort(people: Path, root: Path) -> FolderSource:
    """The people's images in a folder of two classes."""
    for number, image in enumerate(Store(people).images(8)):
        file = root / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(file)
    return FolderSource(source="folder", root=root, resolution=8)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 24 dolls, FashionGAN's two stages and a ProGAN, all tiny."""
    folder = tmp_path_factory.mktemp("studio")
    for name in ("people", "people_test"):
        source = DollSource(source="dolls", root=DOLLS, count=24, seed=1, resolution=32, background="mist")
        prepare(source, folder / "artifacts" / "datasets" / name, lambda done, total: None, workers=1)
    write_params(folder, PARAMS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_stage("text", "outfits")
        published("shape")
        published("image")
        prepare(sort(DATASET, folder / "sorted"), SORTED, lambda done, total: None, workers=1)
        for pipeline, stage in (("progan", "r4"), ("progan", "r8"), ("told", "r4")):
            train(pipeline, stage)
    return folder


@pytest.fixture
def here(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """It is the current folder. Look, do not touch."""
    monkeypatch.chdir(home)
    return home


@pytest.fixture
def studio(here: Path) -> tuple[Translator, People]:
    """All there is."""
    found = find(IMAGE, DATASET)
    assert isinstance(found.translator, Translator)
    assert isinstance(found.people, People)
    return found.translator, found.people


# What is behind the page.


def test_a_person_is_dressed_as_translating_dresses(studio: tuple[Translator, People]) -> None:
    translator, people = studio
    assert len(people.images) == SHOWN
    person = one_of(people, 3)
    made, again = (dress(translator, person, KNOWN, 5) for _ in range(2))
    expected = translator(person, translator.codes([KNOWN]), 5)
    assert expected.maps is not None
    assert made.map is not None
    assert made.say == ""
    assert made.image.tobytes() == again.image.tobytes() == shown(expected.images[0]).tobytes()
    assert made.map.tobytes() == shown(expected.maps[0]).tobytes()
    assert dress(translator, person, KNOWN, 6).image.tobytes() != made.image.tobytes()


def test_unknown_words_are_said(studio: tuple[Translator, People]) -> None:
    said = dress(studio[0], one_of(studio[1], 0), "a red zorgly dress, blimp", 0).say
    assert said == "the encoder does not know zorgly, blimp; ignored"


@pytest.mark.parametrize(
    ("sentence", "seed", "words"),
    [
        ("", 0, "the sentence '' has no words; use 'a red dress with short sleeves'"),
        ("zorgly", 0, "no word of the sentence 'zorgly' is known; the vocabulary covers: "),
        (KNOWN, None, "the seed is empty; use a whole number from 0 on"),
        (KNOWN, -1, "the seed is -1; use"),
        (KNOWN, 0.5, "the seed is 0.5; use"),
    ],
)
def test_what_cannot_be_dressed_is_refused_in_words(
    studio: tuple[Translator, People], sentence: str, seed: float | None, words: str
) -> None:
    with pytest.raises(InputError) as refused:
        dress(studio[0], one_of(studio[1], 0), sentence, seed)
    assert words in str(refused.value)


def test_nobody_cannot_be_dressed(studio: tuple[Translator, People]) -> None:
    with pytest.raises(InputError, match="no person is selected; click on one, or upload an image and its map"):
        dress(studio[0], None, KNOWN, 0)


def write_upload(folder: Path, people: People, change: Callable[[np.ndarray], Image.Image]) -> tuple[Path, Path]:
    """The first person's image, and a map made of theirs."""
    photo, classes = folder / "doll.png", folder / "doll-map.png"
    Image.fromarray(people.images[0]).save(photo)
    change(people.maps[0]).save(classes)
    return photo, classes


def test_an_uploaded_person_is_who_it_was(studio: tuple[Translator, People], tmp_path: Path) -> None:
    person = uploaded(*write_upload(tmp_path, studio[1], Image.fromarray), studio[0])
    assert np.array_equal(person.images, studio[1].images[:1])
    assert np.array_equal(person.maps, studio[1].maps[:1])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda map: Image.fromarray(map + np.uint8(9)), "doll.png: its map doll-map.png has pixels of 9"),
        (lambda map: Image.fromarray(map).convert("RGB"), "its map doll-map.png is saved as RGB, not as classes"),
        (lambda map: Image.fromarray(map[:16]), "its map doll-map.png is 32x16, the image 32x32"),
    ],
)
def test_bad_uploads_are_refused_without_the_folders_they_lie_in(
    studio: tuple[Translator, People], tmp_path: Path, change: Callable[[np.ndarray], Image.Image], words: str
) -> None:
    with pytest.raises(InputError) as refused:
        uploaded(*write_upload(tmp_path, studio[1], change), studio[0])
    assert words in str(refused.value)
    assert str(tmp_path) not in str(refused.value)


def test_generators_of_images_are_found_and_no_others(here: Path) -> None:
    assert image_artifacts() == [R4, R8, OF_CLASSES]


def test_samples_are_those_of_espalier_sample(here: Path, tmp_path: Path) -> None:
    for artifact in (R8, OF_CLASSES):
        draw_grid([artifact], Wanted(9, 3), tmp_path / "grid.png")
        with Image.open(tmp_path / "grid.png") as grid:
            assert grid.tobytes() == sample(artifact, 9, 3).tobytes()


def test_the_way_to_another_seed_ends_there(here: Path) -> None:
    start, middle, end, other = (
        np.asarray(sample(R8, 4, *way), dtype=int) for way in ((0,), (0, 1, 0.5), (0, 1, 1), (1,))
    )
    assert np.abs(end - other).max() <= 1
    assert np.abs(middle - start).max() > 1
    assert np.abs(middle - end).max() > 1


def test_samples_move_along_directions_and_labels(here: Path) -> None:
    still, same, moved, far = (
        np.asarray(sample(R8, 4, 0, moves=moves), dtype=int) for moves in ((), (0.0, 0.0), (0.0, 2.0), (0.0, 3.0))
    )
    assert np.array_equal(still, same)
    assert 0 < np.abs(moved - still).sum() < np.abs(far - still).sum()
    assert labels_of(R8) == []
    vector = torch.zeros(TINY["progan"]["common"]["network"]["latent"])
    vector[1] = 1
    _keep(R8, [Direction("hats", vector, 1.0)])
    assert labels_of(R8) == ["hats"] and labels_of(R4) == []
    labelled = np.asarray(sample(R8, 4, 0, label="hats", of_label=2.0), dtype=int)
    assert np.abs(labelled - still).sum() > 0
    assert np.array_equal(np.asarray(sample(R8, 4, 0, label="shoes", of_label=2.0), dtype=int), still)


def test_an_artifact_that_was_trained_again_is_loaded_again(home: Path, tmp_path: Path) -> None:
    for artifact in (R8, R4):
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        shutil.copytree(home / artifact, tmp_path / "copy")
        assert sample(tmp_path / "copy", 4, 0).tobytes() == sample(home / artifact, 4, 0).tobytes()


def test_without_a_dataset_there_is_only_uploading(here: Path) -> None:
    found = find(IMAGE, Path("artifacts/datasets/none"))
    assert isinstance(found.translator, Translator)
    assert (
        found.people == "there is no prepared dataset at artifacts/datasets/none; make it with: dvc repro dataset@none"
    )


def test_a_dataset_without_maps_is_refused(studio: tuple[Translator, People]) -> None:
    with pytest.raises(InputError, match="the dataset at artifacts/datasets/sorted has no"):
        some_people(SORTED, studio[0])


def test_without_fashiongan_there_is_only_sampling(here: Path) -> None:
    missing = "there is no artifact artifacts/none to dress people with; train it first: espalier run fashiongan"
    assert find(Path("artifacts/none"), DATASET) == Studio(missing, missing)


def test_another_artifact_dresses_nobody(here: Path) -> None:
    with pytest.raises(InputError, match="which makes no dressed people"):
        find(R4, DATASET)


def test_nothing_to_show_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as refused:
        find(IMAGE, DATASET)
    assert str(refused.value) == (
        "there is nothing to show: neither artifacts/fashiongan/image nor an artifact that generates images; "
        "train one first: espalier run fashiongan, or espalier run progan"
    )


def test_gradio_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("espalier.pipelines.studio.actions.find_spec", lambda name: None)
    with pytest.raises(InputError, match=re.escape("install it with: pip install 'espalier-gan[studio]'")):
        open_studio("127.0.0.1", free_port(), IMAGE, DATASET)


@pytest.mark.parametrize("host", ["127.0.0.1", "no.such.host.invalid"])
def test_an_address_that_cannot_be_used_is_refused(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("espalier.pipelines.studio.actions.find_spec", lambda name: name)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"cannot listen on {host}, port {port}: .*--port {port + 1}"):
            open_studio(host, port, IMAGE, DATASET)


# The page.


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    """Of the page as `espalier studio` shows it; at the end nobody outside has been asked for anything."""
    pytest.importorskip("gradio", reason="the extra 'studio' is not installed")
    with socket.socket() as outside:  # stands for all hosts but this: whoever asks one comes here
        outside.bind(("127.0.0.1", 0))
        outside.listen()
        proxy = f"http://127.0.0.1:{outside.getsockname()[1]}"
        process = Project(home).start(
            "espalier", "studio", "--port", str(free_port()), HTTP_PROXY=proxy, HTTPS_PROXY=proxy, NO_PROXY=""
        )  # fmt: skip
        assert process.stdout
        line = process.stdout.readline()
        assert line.startswith("the page: "), line + process.stdout.read()
        yield line.split()[-1]
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=60)[0] == ""
        assert process.returncode == 0
        outside.setblocking(False)
        with pytest.raises(BlockingIOError):
            outside.accept()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the extra 'screenshots' is not installed")
    from docs.screenshots import CHROMIUM, QUIET

    if not Path(CHROMIUM).is_file():
        pytest.skip(f"there is no {CHROMIUM}")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def page(address: str, browser: Any) -> Iterator[Any]:
    """The page, opened anew; all that it asked for came from this machine."""
    page, asked = browser.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.set_default_timeout(60_000)
    page.goto(address)
    page.wait_for_selector("#dress")
    yield page
    page.close()
    assert asked
    assert {urlsplit(url).hostname for url in asked if not url.startswith(("data:", "blob:"))} == {"127.0.0.1"}


def source(page: Any, name: str) -> Any:
    """Where an image on the page comes from, once it is there."""
    return page.wait_for_selector(f"{name} img").get_attribute("src")


def wait_for_words(page: Any, place: str, words: str) -> None:
    page.locator(place, has_text=words).wait_for()


def test_a_doll_is_clicked_and_dressed(page: Any) -> None:
    before = source(page, "#person")
    page.locator("#people button").nth(3).click()
    wait_for(lambda: source(page, "#person") != before)
    assert page.locator("#result img").count() == 0
    page.locator("#sentence").get_by_role("textbox").fill("a red zorgly dress")
    page.locator("#dress").click()
    for name in ("#result", "#new-map"):
        image = page.wait_for_selector(f"{name} img")
        wait_for(lambda image=image: image.evaluate("img => img.naturalWidth") == 256)
    wait_for_words(page, "#dress-said", "the encoder does not know zorgly")


def test_an_empty_sentence_is_refused_on_the_page(page: Any) -> None:
    page.locator("#dress").click()
    wait_for_words(page, "#dress-said .refused", "the sentence '' has no words")
    page.locator("#sentence").get_by_role("textbox").fill("<b>zorgly</b>")
    page.locator("#dress").click()
    wait_for_words(page, "#dress-said .refused", "no word of the sentence '<b>zorgly</b>' is known")


def test_an_own_image_is_dressed_and_a_bad_one_refused(page: Any, home: Path, tmp_path: Path) -> None:
    store = Store(home / DATASET)
    people = People(np.array(store.images(32)), np.array(store.maps(32)), np.zeros((0, 10), np.float32))
    photo, classes = write_upload(tmp_path, people, lambda map: Image.fromarray(map[:16]))
    page.get_by_text("Or your own photo").click()
    page.locator("#photo input[type=file]").set_input_files(photo)
    page.locator("#map input[type=file]").set_input_files(classes)
    wait_for_words(page, "#dress-said .refused", "doll.png: its map doll-map.png is 32x16, the image 32x32")
    page.locator("#dress").click()
    wait_for_words(page, "#dress-said .refused", "no person is selected")
    write_upload(tmp_path, people, Image.fromarray)
    page.locator("#map").get_by_role("button", name=re.compile("clear|remove", re.I)).first.click()
    page.locator("#map input[type=file]").set_input_files(classes)
    source(page, "#person")
    page.locator("#sentence").get_by_role("textbox").fill(KNOWN)
    page.locator("#sentence").get_by_role("textbox").press("Enter")
    source(page, "#result")
    page.locator("#people button").first.click()  # the one that was chosen at first can be chosen again
    page.locator("#result img").wait_for(state="detached")


def test_samples_are_drawn_and_walked(page: Any) -> None:
    page.get_by_role("tab", name="Sample").click()
    first = source(page, "#grid")
    page.locator("#seed input").fill("7")
    page.locator("#draw").click()
    wait_for(lambda: source(page, "#grid") != first)
    second = source(page, "#grid")
    page.locator("#share input[type=range]").fill("0.5")
    wait_for(lambda: source(page, "#grid") != second)
    third = source(page, "#grid")
    page.get_by_role("button", name="Directions").click()
    page.locator("#direction-1 input[type=range]").fill("2.5")
    wait_for(lambda: source(page, "#grid") != third)
    third = source(page, "#grid")
    page.locator("#artifact input").click()
    page.get_by_role("option", name="artifacts/progan/r8").click()
    wait_for(lambda: source(page, "#grid") != third)
    page.locator("#seed input").fill("-1")
    page.locator("#draw").click()
    wait_for_words(page, "#sample-said .refused", "the seed is -1")
