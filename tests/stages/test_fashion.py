"""FashionGAN's stages: what is told, the hand-over, resuming bit for bit, tricks by configuration, and refusals in words."""

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML

from espalier.data.errors import InputError
from espalier.data.prepare import prepare
from espalier.data.sources.dolls import DollSource
from espalier.data.store import Store
from espalier.models.fashiongan.condition import SentenceAndMap
from espalier.stages.config.load import check_stage, stage_config
from espalier.stages.config.params import merge
from espalier.stages.fashiongan.handover import made_maps, make_maps, smoothed
from espalier.stages.fashiongan.metrics import accuracies, distance, iou
from espalier.stages.fashiongan.networks import Fashion
from espalier.stages.fashiongan.outfits import Outfits, coarse, person
from espalier.stages.fashiongan.translator import People, Translator, with_photo
from espalier.stages.kinds.maps import classes_of, one_hot
from espalier.stages.loop.trainer import Trainer
from espalier.stages.tricks.context import StepContext
from espalier.stages.types.inputs import check_inputs, find_inputs
from tests import training
from tests.stages.test_trainer import assert_same, history
from tests.training import new_trainer, resumed, run, run_stage

CPU = torch.device("cpu")
DOLLS = Path(__file__).parents[2] / "data" / "dolls"
TEXT = {"dataset": "artifacts/datasets/people", "test": "artifacts/datasets/people_test", "attributes": ["garment"]}
COMMON: dict[str, Any] = {
    "seed": 1, "kimg": 0.2, "batch_size": 8, "resolution": 32,
    "dataset": "artifacts/datasets/people", "encoder": "artifacts/texts/outfits",
    "adam": {"betas": [0.5, 0.999]},
    "tricks": {"loss": "nonsaturating", "matching_aware": {}, "reconstruction": {}, "ema": {}},
    "watch": {"log_steps": 5, "sample_kimg": 0.1, "checkpoint_seconds": 1000},
}  # fmt: skip
SHAPE = {"network": {"name": "fashion_shape", "width": 2, "code": 16}}
IMAGE = {
    "after": "artifacts/fashiongan/shape",
    "maps": "mixed",
    "network": {"name": "fashion_image", "width": 2, "code": 16},
}
PARAMS: dict[str, Any] = {
    "texts": {"outfits": {**TEXT, "epochs": 2, "width": 16}, "other": {**TEXT, "epochs": 1, "width": 12}},
    "fashiongan": {"common": COMMON, "stages": {"shape": SHAPE, "image": IMAGE}},
    "fashiongan_test": {
        "common": {"dataset": "artifacts/datasets/people_test"},
        "stages": {"translate": {"type": "translate", "after": "artifacts/fashiongan/image", "count": 20}},
    },
}  # fmt: skip
Make = Callable[..., Trainer]


def write_params(folder: Path, params: dict[str, Any]) -> None:
    YAML().dump(params, folder / "params.yaml")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with people, others held out, and two sentence encoders."""
    folder = tmp_path_factory.mktemp("people")
    for name, count, seed in (("people", 64, 0), ("people_test", 24, 1)):
        source = DollSource(source="dolls", root=DOLLS, count=count, seed=seed, resolution=32, background="mist")
        prepare(source, folder / "artifacts" / "datasets" / name, lambda done, total: None, workers=1)
    write_params(folder, PARAMS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_stage("text", "outfits")
        run_stage("text", "other")
    return folder


@pytest.fixture
def here(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, which is the current folder."""
    shutil.copytree(home, tmp_path / "home")
    monkeypatch.chdir(tmp_path / "home")
    return tmp_path / "home"


def trainer(stage: str, folder: str = "work", changes: dict[str, Any] | None = None) -> Trainer:
    """Of a stage with changes, in the current folder."""
    params = copy.deepcopy(PARAMS)
    stages = params["fashiongan"]["stages"]
    stages[stage] = merge(stages[stage], changes or {})
    config = stage_config(params, "fashiongan", stage)
    store, parent = find_inputs(config)
    check_inputs(config, store, parent)
    Path(folder).mkdir(exist_ok=True)
    made = new_trainer(config, store, parent, Path(folder))
    resumed(made)
    return made


def outfits(made: Trainer) -> Outfits:
    """What its networks are conditioned on."""
    assert isinstance(made.batches.conditioning, Outfits)
    return made.batches.conditioning


def published(stage: str) -> Trainer:
    """Trained to the end and published."""
    made = run(trainer(stage, f"work-{stage}"))
    training.published(made, made.config.artifact)
    return made


def test_maps_are_told_with_the_background_last() -> None:
    maps = torch.tensor([[[0, 1], [2, 6]]], dtype=torch.uint8)
    assert one_hot(maps).argmax(dim=1).tolist() == [[[6, 0], [1, 5]]]
    assert torch.equal(classes_of(one_hot(maps)), maps)


def test_a_coarse_map_is_blind_to_the_garments() -> None:
    dressed = torch.zeros(1, 32, 32, dtype=torch.uint8)
    dressed[:, 8:24, 8:24] = 3
    undressed = dressed.clone()
    undressed[:, 16:24, 8:24] = 5
    told, others = coarse(dressed, "coarse4"), coarse(undressed, "coarse4")
    assert told.shape == (1, 4, 8, 8)
    assert torch.equal(told, others)
    assert not torch.equal(coarse(dressed, "coarse7"), coarse(undressed, "coarse7"))
    assert told[0, 3, 0, 0] == pytest.approx(1, abs=0.01)  # background, the last
    assert told[0, 2, 4, 4] == pytest.approx(1, abs=0.05)  # bicubic overshoots a little


def test_a_persons_attributes_are_told_or_measured() -> None:
    image, classes = np.full((32, 32, 3), 255, dtype=np.uint8), np.zeros((32, 32), dtype=np.uint8)
    classes[4:28, 10:18], image[classes > 0] = 3, (10, 20, 30)
    classes[4:8, 10:18], image[4:8, 10:18] = 2, (204, 102, 51)
    said = {"person": "woman", "hair_length": "short", "hat": "beret", "sunglasses": False}
    found = person({"attributes": said}, image, classes)
    assert found == pytest.approx([1, 0, 1, 0, 0.8, 0.4, 0.2, 0.299 * 0.8 + 0.587 * 0.4 + 0.114 * 0.2, 24 / 32, 8 / 32])
    assert person({}, image, classes)[:4] == [0.5] * 4


@pytest.mark.parametrize("stage", ["shape", "image"])
def test_both_stages_resume_bit_for_bit(here: Path, stage: str) -> None:
    if stage == "image":
        published("shape")
    whole = run(trainer(stage, "whole"))
    run(trainer(stage, "cut"), until=11)
    assert_same(whole, run(trainer(stage, "cut")))


@pytest.mark.parametrize("stage", ["shape", "image"])
def test_people_can_be_held_out_and_are_judged_with_their_sentences(here: Path, stage: str) -> None:
    if stage == "image":
        published("shape")
    made = trainer(stage, changes={"monitor": {"steps": 5, "samples": 24, "hold_out": 16}})
    assert len(made.batches.held_out) == 16 and set(made.batches.held_out).isdisjoint(made.batches.trained_on)
    asked: list[tuple[torch.Tensor, SentenceAndMap]] = []
    logits_of = made.game.logits_of

    def noted(real: torch.Tensor, context: StepContext, condition: SentenceAndMap) -> torch.Tensor:
        asked.append((real, condition))
        return logits_of(real, context, condition)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("espalier.stages.loop.watch.FEWEST", 8)
        patch.setattr(made.game, "logits_of", noted)
        rows = run(made).monitor.rows
    assert rows and all(0 <= row.overfit <= 1 for row in rows)
    (known, _), (unknown, condition) = asked[:2]
    held = made.batches.held_out
    assert torch.equal(unknown, made.batches.of(held)) and not torch.equal(known, unknown)
    assert torch.equal(condition.code, torch.from_numpy(outfits(made).codes[held]))


def test_the_second_stage_learns_on_the_firsts_maps(here: Path) -> None:
    published("shape")
    real, mixed, made = (trainer("image", f"w{maps}", {"maps": maps}) for maps in ("real", "mixed", "generated"))
    told = [outfits(t).maps for t in (real, mixed, made)]
    assert np.array_equal(told[0], Store(Path("artifacts/datasets/people")).maps(32))
    same_as_real = (told[1] == told[0]).all(axis=(1, 2)).mean()
    same_as_made = (told[1] == told[2]).all(axis=(1, 2)).mean()
    assert 0.25 < same_as_real < 0.75
    assert 0.25 < same_as_made < 0.75
    assert np.array_equal(outfits(trainer("image", "again", {"maps": "generated"})).maps, told[2])


def test_the_hand_over_is_the_parents_generator_on_the_images_own_sentence(here: Path) -> None:
    shape = published("shape")
    maps = make_maps(shape.networks.ema.eval(), torch.zeros(4, 80), outfits(shape).at(np.arange(4)))
    assert maps.shape == (4, 32, 32)
    assert maps.max() <= 6


@pytest.mark.parametrize("prior", ["normal", "uniform"])
def test_maps_are_made_of_the_first_stages_prior(here: Path, prior: str) -> None:
    class Seen(torch.nn.Module):
        def forward(self, latent: torch.Tensor, condition: SentenceAndMap) -> torch.Tensor:
            self.latent = latent
            return torch.zeros(len(latent), 7, 32, 32)

    shape, generator = trainer("shape", changes={"network": {"prior": prior}}), Seen()
    network = shape.config.network
    assert isinstance(network, Fashion)
    made_maps(generator, network, outfits(shape), shape.config, CPU)
    assert generator.latent.shape == (64, 80)
    largest, std = float(generator.latent.abs().max()), float(generator.latent.std())
    assert (largest <= 1, round(std, 1)) == ((True, 0.6) if prior == "uniform" else (False, 1.0))


def test_smoothing_leaves_a_flat_field_and_is_none_at_32() -> None:
    small, large = torch.randn(1, 7, 32, 32), torch.ones(1, 7, 128, 128)
    assert torch.allclose(smoothed(small), small)
    assert torch.allclose(smoothed(large)[..., 4:-4, 4:-4], torch.ones(1, 7, 120, 120))


@pytest.mark.parametrize(
    "tricks",
    [
        {"loss": "hinge", "spectral_norm": {}, "norm": {"discriminator": "none"}, "ttur": {"generator": 1e-4, "discriminator": 4e-4}},
        {"loss": "lsgan", "r1": {}, "norm": {"discriminator": "layer"}, "matching_aware": None},
        {"unrolled": 1, "dropout": {"generator": 0.2}, "historical_averaging": {}},
        {"loss": "wgan", "gradient_penalty": {}, "norm": {"discriminator": "layer"}, "n_critic": 2, "instance_noise": {"kimg": 1}},
        {"relativistic": "paired", "matching_aware": None, "feature_matching": {"layer": -1}},
    ],
)  # fmt: skip
@pytest.mark.parametrize("stage", ["shape", "image"])
def test_tricks_are_configuration_here_too(here: Path, stage: str, tricks: dict[str, Any]) -> None:
    changes: dict[str, Any] = {"tricks": tricks, "kimg": 0.024}
    if stage == "image":
        changes |= {"after": "artifacts/datasets/people", "maps": "real"}
        params = copy.deepcopy(PARAMS)
        params["fashiongan"]["stages"] = {"image": merge(IMAGE, changes)}
        config = stage_config(params, "fashiongan", "image")
        Path("work").mkdir()
        made = new_trainer(config, Store(config.dataset), None, Path("work"))
        resumed(made)
    else:
        made = trainer(stage, changes=changes)
    run(made)
    assert all(np.isfinite(float(value)) for value in history(made)[-1].values() if value)


def test_a_mismatched_sentence_is_refused_as_a_fake_is(here: Path) -> None:
    """The term against its closed form: the fakes' part of the loss on reals with the next one's code."""
    made = trainer("shape")
    real, told = made.batches.at(0, 8), made.batches.condition_at(0, 8)
    assert isinstance(told, SentenceAndMap)
    discriminator = made.networks.discriminator.eval()
    wrong = SentenceAndMap(told.code[[7, 0, 1, 2, 3, 4, 5, 6]], told.map)
    expected = torch.nn.functional.softplus(discriminator(real, None, wrong)).mean()
    term = next(t for t in made.game.tricks if t.name == "matching_aware")
    step = made.game._step("discriminator", made.context(), lambda: real, real, [], told)
    torch.testing.assert_close(term.discriminator_term(step), expected)  # type: ignore[attr-defined]


def test_translating_keeps_hair_face_and_background(here: Path) -> None:
    published("shape")
    published("image")
    translator = Translator(Path("artifacts/fashiongan/image"), CPU)
    store = Store(Path("artifacts/datasets/people_test"))
    images, maps = np.array(store.images(32)[:4]), np.array(store.maps(32)[:4])
    people = People(images, maps, np.zeros((4, 10), dtype=np.float32))
    codes = translator.codes(["a red dress"] * 4)
    made, again = translator(people, codes, seed=3), translator(people, codes, seed=3)
    assert np.array_equal(made.images, again.images)
    head = np.isin(maps, (1, 2))
    assert np.array_equal(made.images[head], images[head])
    run_stage("fashiongan_test", "translate")
    assert (here / "artifacts/fashiongan_test/translate/samples.png").is_file()


def test_bare_arms_come_half_way_to_the_photos_skin() -> None:
    image, old, new = np.full((1, 8, 8, 3), 200, np.uint8), np.zeros((1, 8, 8), np.uint8), np.zeros((1, 8, 8), np.uint8)
    old[0, :2], new[0, :4] = 6, 6
    made = np.full((1, 8, 8, 3), 100, np.uint8)
    result = with_photo(People(image, old, np.zeros((1, 10), np.float32)), made, new)
    assert (result[0, :4] == 150).all()
    assert (result[0, 4:] == 200).all()  # background before and after


def test_the_old_outfits_fringe_goes_with_it() -> None:
    image, old, new = np.full((1, 8, 8, 3), 200, np.uint8), np.zeros((1, 8, 8), np.uint8), np.zeros((1, 8, 8), np.uint8)
    old[0, :2] = 4
    made = np.full((1, 8, 8, 3), 100, np.uint8)
    result = with_photo(People(image, old, np.zeros((1, 10), np.float32)), made, new)
    assert (result[0, :3] == 100).all() and (result[0, 3:] == 200).all()


def test_metrics_of_people_against_closed_forms() -> None:
    one = np.zeros((2, 8, 8), np.uint8)
    other = one.copy()
    one[0, :4, :4], other[0, :4, 2:6] = 1, 1
    assert iou(one, other, 1) == pytest.approx(8 / 24)  # the second pair has none, and does not count
    images = np.random.default_rng(0).integers(0, 256, (400, 8, 8, 3), dtype=np.uint8)
    assert distance(images, images) == pytest.approx(0, abs=1e-6)
    assert distance(images // 2, images // 2 + 51) == pytest.approx(192 * 0.2**2, abs=1e-6)


def test_outfits_are_read_where_the_sentence_tells_them() -> None:
    source = DollSource(source="dolls", root=DOLLS, count=20, seed=5, resolution=64)
    images = [source.example(source.listing(), i) for i in range(20)]
    dolls = [(p.record or {})["attributes"] for p in images]
    stacked = np.stack([p.image for p in images])
    found = accuracies(stacked, dolls, dolls, [frozenset({"upper_color"})] * 20)
    assert found["upper_color"] >= 0.9
    assert np.isnan(found["sleeve"])


@pytest.mark.parametrize(
    ("stage", "changes", "words"),
    [
        ("shape", {"encoder": None}, "encoder is missing"),
        ("shape", {"encoder": "artifacts/texts/none"}, "there is no sentence encoder at artifacts/texts/none"),
        ("shape", {"encoder": "artifacts/texts/other"}, "network.code: 16 is not the 12"),
        ("shape", {"maps": "generated"}, "maps: generated are made by the parent stage"),
        ("shape", {"resolution": 16}, "16 is too small for the network fashion_shape"),
        (
            "shape",
            {"tricks": {"norm": {"discriminator": "instance"}}},
            "instance normalises over pixels, and a sentence's code has only one",
        ),
        ("shape", {"tricks": {"packing": 2}}, "cannot be used in network fashion_shape"),
        ("shape", {"tricks": {"relativistic": "paired"}}, "none can be rejected for its sentence"),
        (
            "image",
            {"encoder": "artifacts/texts/other", "network": {"code": 12}},
            "differs from artifacts/texts/outfits of its parent",
        ),
        ("image", {"resolution": 64}, "64 differs from the 32 of its parent"),
    ],
)
def test_what_cannot_be_is_refused_in_words(here: Path, stage: str, changes: dict[str, Any], words: str) -> None:
    if stage == "image":
        published("shape")
    with pytest.raises(InputError) as refused:
        trainer(stage, changes=changes)
    assert words in str(refused.value)


def test_damaged_maps_are_refused_before_training(here: Path) -> None:
    maps = Path("artifacts/datasets/people/maps-32.npy")
    content = bytearray(maps.read_bytes())
    content[-1] ^= 1
    maps.write_bytes(bytes(content))
    with pytest.raises(InputError, match="maps-32.npy differs from what was prepared"):
        trainer("shape")
    config = stage_config(
        PARAMS, "fashiongan", "shape"
    )  # as the process that starts several checks before it starts any
    with pytest.raises(InputError, match="maps-32.npy differs from what was prepared"):
        check_inputs(config, *find_inputs(config))


def test_another_encoder_than_the_parents_is_refused(here: Path) -> None:
    published("shape")
    shutil.rmtree("artifacts/texts/outfits")
    params = copy.deepcopy(PARAMS)
    params["texts"]["outfits"]["seed"] = 1
    write_params(here, params)
    run_stage("text", "outfits")
    with pytest.raises(InputError, match="was trained with another sentence encoder"):
        trainer("image")


def test_artifacts_that_do_not_belong_together_are_refused(here: Path) -> None:
    published("shape")
    published("image")
    training.published(run(trainer("shape", "longer", {"kimg": 0.3})), Path("artifacts/fashiongan/shape"))
    with pytest.raises(InputError, match="is not the first stage that artifacts/fashiongan/image was trained after"):
        Translator(Path("artifacts/fashiongan/image"), CPU)
    with pytest.raises(InputError, match="which makes no dressed people"):
        Translator(Path("artifacts/fashiongan/shape"), CPU)


def test_the_translating_stage_is_configured_in_words() -> None:
    params = copy.deepcopy(PARAMS)
    check_stage(params, "fashiongan_test", "translate")
    with pytest.raises(InputError, match="its type is translate, which does not train"):
        stage_config(params, "fashiongan_test", "translate")
    params["fashiongan_test"]["stages"]["translate"]["cuont"] = 3
    with pytest.raises(
        InputError, match=r"fashiongan_test.stages.translate.cuont: unknown key; did you mean 'count'\?"
    ):
        check_stage(params, "fashiongan_test", "translate")
