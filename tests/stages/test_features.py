"""Feature networks trained on a dataset itself, and what fakes are worth by them."""

import csv
import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from espalier.data.errors import InputError
from espalier.data.prepare import prepare
from espalier.data.sealed import read_record, write_record
from espalier.data.sources.dolls import DollSource
from espalier.data.sources.folder import FolderSource
from espalier.data.store import Store
from espalier.pipelines.commands.evaluate import as_table, evaluation_of
from espalier.pipelines.commands.status import console
from espalier.stages.config.load import stage_config
from espalier.stages.evaluation.evaluation import Evaluation, evaluate
from espalier.stages.evaluation.reference import reference
from espalier.stages.features.extractor import Extractor
from espalier.stages.features.load import load_extractor
from espalier.stages.features.local import Features, load_features
from espalier.stages.types.features import contrast, view
from espalier.stages.types.inputs import find_inputs
from tests.conftest import ROOT
from tests.stages.test_fashion import write_params
from tests.training import new_trainer, published, resumed, run, run_stage

CPU = torch.device("cpu")
DATASET, FEATURES = Path("artifacts/datasets/dolls"), Path("artifacts/features/dolls")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with 600 dolls of 16x16 and a feature network of them; the current one."""
    folder = tmp_path_factory.mktemp("features")
    source = DollSource(source="dolls", root=ROOT / "data/dolls", count=600, resolution=16)
    prepare(source, folder / DATASET, lambda done, total: None, workers=2)
    write_params(
        folder,
        {"features": {"dolls": {"dataset": DATASET.as_posix(), "resolution": 16, "batch_size": 64, "epochs": 16}}},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_stage("features", "dolls")
        yield folder


@pytest.fixture
def features(home: Path) -> Features:
    return load_features(FEATURES, CPU)


def dolls(count: int, skip: int = 0) -> Tensor:
    """The dataset's images, uint8 (count, 3, 16, 16)."""
    return torch.from_numpy(np.array(Store(DATASET).images(16)[skip : skip + count])).permute(0, 3, 1, 2)


def test_the_loss_against_its_closed_form() -> None:
    axes, none = torch.eye(4), torch.zeros((0, 4))
    assert float(contrast(axes, axes, none)) == pytest.approx(math.log(1 + 3 * math.exp(-10)), rel=1e-3)
    assert float(contrast(axes, axes.flip(0), none)) == pytest.approx(10 + math.log(1 + 3 * math.exp(-10)), rel=1e-3)
    assert float(contrast(axes, axes, axes)) == pytest.approx(math.log(2 + 6 * math.exp(-10)), rel=1e-3)


def test_views_are_shifted_covered_and_repeat_themselves() -> None:
    images = torch.linspace(0.5, 1, 16).expand(6, 2, 16, 16).contiguous()
    seen, again = (view(images, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(seen, again) and seen.shape == images.shape
    covered = (seen.mean(dim=1).abs() < 0.3).sum(dim=(1, 2))
    assert (covered >= 20).all() and (covered <= 30).all()  # 5x5, but for noise
    kept = seen.masked_fill(seen < 0.3, torch.nan)
    assert float((kept.nanmean(dim=(1, 2)) - images[0, 0, 0]).nan_to_num().abs().max()) < 0.25


def test_it_recognises_held_out_images_and_repeats_itself(home: Path) -> None:
    before = (home / FEATURES / "features.safetensors").read_bytes()
    assert json.loads((home / FEATURES / "metrics.json").read_text())["recognised"] > 0.3  # chance is 1 in 256
    run_stage("features", "dolls")
    assert load_features(FEATURES, CPU).recognised > 0.3
    assert (home / FEATURES / "features.safetensors").read_bytes() == before


def test_a_images_features_are_its_own(features: Features) -> None:
    some = dolls(5)
    torch.testing.assert_close(features(some)[:2], features(some[:2]))
    assert features(some[:, :, ::2, ::2]).shape == (5, 64)  # another size is brought to its own


def test_reals_get_the_floor_and_the_collapsed_and_noise_do_not(features: Features) -> None:
    store, count = Store(DATASET), 100
    real = reference(store, 16, features, count)
    assert not {p.numpy().tobytes() for p in real.shown.images} & {p.numpy().tobytes() for p in real.others.images}
    good = evaluate(real.others.images, store, features)
    assert good.metrics == good.floors
    assert good.floors["precision"] > 0.7 and good.floors["recall"] > 0.7
    one = evaluate(real.others.images[:1].repeat(count, 1, 1, 1), store, features)
    assert one.metrics["recall"] < 0.05 and one.metrics["coverage"] < 0.05 and one.metrics["diversity"] == 0
    assert one.metrics["support"] == pytest.approx(1) and one.metrics["ms_ssim"] == pytest.approx(1)
    random = torch.Generator().manual_seed(0)
    noise = evaluate(torch.randint(0, 256, (count, 3, 16, 16), generator=random, dtype=torch.uint8), store, features)
    assert noise.metrics["precision"] < 0.05
    for name in ("fid_local", "kid_local", "swd"):
        assert min(one.metrics[name], noise.metrics[name]) > 3 * abs(good.floors[name]), name
    few = evaluate(real.others.images[:20].repeat(5, 1, 1, 1), store, features)
    assert few.metrics["support"] == pytest.approx(100 * 99 / 2 / 200, rel=1e-3)  # 20 images, each in 10 pairs
    assert good.metrics["support"] > 100
    assert {"count", "reference", "dataset", "features", "resizer"} <= set(few.about)


def test_an_evaluation_says_what_its_network_recognises_and_that_it_is_blind_to_copies(features: Features) -> None:
    share = f"{features.recognised:.0%}"
    found = evaluate(dolls(100), Store(DATASET), features)
    assert [
        note for note in found.notes if note.startswith(f"the feature network recognises {share} of held-out images; ")
    ]
    assert "copies of them score as well" in found.notes[-1]
    (said,) = Features(features.network, 16, 3, features.digest, recognised=0.29).notes()
    assert "29% of held-out images, fewer than 30%, so its metrics say little; train it for more epochs" in said


def test_refusals_say_what_would_be_right(features: Features, home: Path) -> None:
    store = Store(DATASET)
    with pytest.raises(InputError, match="50 images are too few .* use 65 or more"):
        evaluate(dolls(50), store, features)
    with pytest.raises(InputError, match="has 600 images, fewer than 301 .* use 300 at most"):
        evaluate(dolls(301), store, features)
    with pytest.raises(InputError, match="train it first: dvc repro features@nobody"):
        load_features(Path("artifacts/features/nobody"), CPU)
    write_params(home, {"features": {"few": {"dataset": DATASET.as_posix(), "resolution": 16, "epoch": 1}}})
    with pytest.raises(InputError, match="features.few.epoch: unknown key; did you mean 'epochs'"):
        run_stage("features", "few")


@pytest.fixture(scope="module")
def artifact(home: Path) -> Path:
    """A ProGAN's first stage, trained for 1 kimg, with a milestone at its end and a checkpoint in `work`."""
    write_params(home, PROGAN)
    config = stage_config(PROGAN, "progan", "r4")
    (home / "work").mkdir()
    trainer = new_trainer(config, *find_inputs(config), home / "work")
    resumed(trainer)
    published(run(trainer), config.artifact)
    return config.artifact


def test_evaluate_prints_metrics_beside_floors(artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = evaluation_of(artifact, 100, 0, None, None)
    again = evaluation_of(artifact, 100, 0, FEATURES, DATASET)
    assert found == again and found.about["resizer"] == "nearest to 16"
    assert found.metrics["fid_local"] > 3 * found.floors["fid_local"]
    assert "swd" not in found.metrics and "modes" not in found.metrics  # no level of 16x16, no classes
    console().print(as_table(found))
    said = capsys.readouterr().out
    assert "share of reals covered by fakes" in said and "Fréchet distance between features" in said
    assert "fakes: kernel distance ..." in said and "floor: birthday paradox ..." in said


def test_a_milestone_and_a_checkpoint_are_evaluated_as_the_artifact_is(artifact: Path, home: Path) -> None:
    found = evaluation_of(artifact, 100, 0, None, None)
    (checkpoint,) = (home / "work").glob("step-*.pt")
    for same in (artifact / "milestones" / "kimg-00001", checkpoint):
        assert evaluation_of(same, 100, 0, None, None) == found, same


def make_set(folder: Path, mode: str) -> Path:
    """Eight images of 16x16, "L" grey or "RGB", prepared."""
    (folder / "images").mkdir(parents=True)
    for i in range(8):
        Image.new(mode, (16, 16), (40 * i if mode == "L" else (40 * i, 0, 0))).save(folder / "images" / f"{i}.png")
    source = FolderSource(source="folder", root=folder / "images", resolution=16)
    prepare(source, folder / "set", lambda done, total: None, workers=1)
    return folder / "set"


def test_what_does_not_fit_is_refused_before_images_are_made(artifact: Path, tmp_path: Path) -> None:
    grey, large = make_set(tmp_path / "grey", "L"), make_set(tmp_path / "large", "RGB")
    write_record(large / "manifest.json", {**read_record(large / "manifest.json"), "resolutions": [8, 16]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("espalier.pipelines.commands.evaluate._sampled", lambda *_: pytest.fail("images were made"))
        patch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
        for options, expected in (
            ({"dataset": grey}, "makes images of 3 channels, .*grey/set has 1; use the dataset"),
            ({"dataset": large}, r"has no 4x4 images \(it has 8, 16\)"),
            ({"dataset": Path("nowhere")}, "no prepared dataset at nowhere"),
            ({"features": Path("inception")}, f"Inception's weights are not at {tmp_path}/checkpoints"),
            ({"features": Path("nowhere.pth")}, "Inception's weights are not at nowhere.pth"),
            ({"modes": True}, "dolls has no classes to count; use one with labels"),
            (
                {"number": 64},
                "64 images are too few for 64 features; use 65 or more: with fewer",
            ),
            ({"number": 301}, "has 600 images, fewer than 301"),
        ):
            with pytest.raises(InputError, match=expected):
                evaluation_of(artifact, **{"number": 100, "seed": 0, "features": None, "dataset": None, **options})  # type: ignore[arg-type]


PROGAN = {
    "progan": {
        "common": {
            "dataset": DATASET.as_posix(),
            "batch_size": 8,
            "milestone_kimg": 1,
            "network": {"latent": 8, "base": 16, "largest": 8},
            "tricks": {"loss": "hinge"},
        },
        "stages": {"r4": {"resolution": 4, "kimg": 1}},
    }
}


def game(**options: object) -> dict[str, object]:
    """A tiny stage on the dolls, for params.yaml."""
    own = {
        "resolution": 16, "kimg": 0.2, "batch_size": 10, "network": "dcgan",
        "tricks": {"loss": "hinge"}, **options,
    }  # fmt: skip
    return {"game": {"common": {"dataset": DATASET.as_posix()}, "stages": {"s": own}}}


def test_a_stage_is_evaluated_at_its_end_and_on_the_way_and_no_weight_changes(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, floors = list[Path](), list[bool]()

    def load(path: Path, device: torch.device) -> Extractor:
        loaded.append(path)
        return load_extractor(path, device)

    def compare(*given: Any, **named: Any) -> Evaluation:
        floors.append(named["floors"])
        return evaluate(*given, **named)

    monkeypatch.setattr("espalier.stages.loop.evaluate.load_extractor", load)
    monkeypatch.setattr("espalier.stages.loop.evaluate.evaluate", compare)
    artifact = Path("artifacts/game/s")
    write_params(home, game())
    assert run_stage("game", "s") == 0
    plain = {path.name: path.read_bytes() for path in artifact.glob("*.safetensors")}
    shutil.rmtree(".work/game@s")
    options = {"features": FEATURES.as_posix(), "count": 70, "every_kimg": 0.1}
    write_params(home, game(evaluate=options, monitor={"steps": 10}))
    assert run_stage("game", "s") == 0
    assert plain == {path.name: path.read_bytes() for path in artifact.glob("*.safetensors")}
    metrics = json.loads((artifact / "metrics.json").read_text())
    assert metrics["fid_local"] > metrics["fid_local_floor"] and 0 <= metrics["coverage"] <= 1
    assert json.loads((artifact / "stage.json").read_text())["evaluated"]["count"] == 70
    assert loaded == [FEATURES] and floors == [False, False, True], "loaded once; floors, which stay, only at the end"
    on_the_way = (artifact / "curves/fid_local.csv").read_text().splitlines()
    assert on_the_way[0] == "kimg,value" and [line.split(",")[0] for line in on_the_way[1:]] == ["0.1", "0.2"]
    assert float(on_the_way[2].split(",")[1]) == pytest.approx(metrics["fid_local"], rel=1e-3)
    with (artifact / "monitor.csv").open(newline="") as probes:
        seen = [f"{row['kimg']},{row['quality']}" for row in csv.DictReader(probes)]
    assert (artifact / "curves/monitor_quality.csv").read_text().splitlines() == ["kimg,value", *seen]


def test_an_evaluation_that_cannot_be_is_refused_before_training(home: Path) -> None:
    for options, said in (
        ({"features": "artifacts/features/none"}, "there is no feature network at artifacts/features/none"),
        ({"features": FEATURES.as_posix(), "count": 400}, "has 600 images, fewer than 400 for the metrics"),
    ):
        write_params(home, game(seed=7, evaluate=options))
        with pytest.raises(InputError, match=said):
            run_stage("game", "s")
