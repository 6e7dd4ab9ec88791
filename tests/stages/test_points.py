"""Points as a stage of their own."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from benchmarks.mixtures import Mixture
from espalier.data.prepare import prepare
from espalier.data.store import Store
from espalier.stages.artifacts.artifact import load_generator
from espalier.stages.config.load import stage_config
from espalier.stages.config.params import stage_names
from espalier.stages.loop.trainer import Trainer
from tests.conftest import ROOT, Project
from tests.stages.test_trainer import assert_same
from tests.training import new_trainer, published, resumed, run


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Store:
    path = tmp_path_factory.mktemp("points") / "ring"
    prepare(Mixture(source="mixtures.Mixture", root=Path("x"), shape="ring", count=2000), path, lambda d, t: None)
    return Store(path)


def points_config(**changes: Any) -> Any:
    stage = {
        "kimg": 2, "batch_size": 20, "adam": {"learning_rate": 0.001},
        "network": {"name": "mlp", "generator_width": 8, "discriminator_width": 8},
        "tricks": {"loss": "nonsaturating", "packing": 2, "ema": {}},
        "components": {"benchmarks.mixtures.FoundModes": {}}, **changes,
    }  # fmt: skip
    return stage_config({"p": {"common": {"dataset": "artifacts/datasets/ring"}, "stages": {"s": stage}}}, "p", "s")


def test_a_stage_of_points_trains_resumes_and_publishes(ring: Store, tmp_path: Path) -> None:
    def trainer(folder: str) -> Trainer:
        (tmp_path / folder).mkdir(exist_ok=True)
        made = new_trainer(points_config(), ring, None, tmp_path / folder)
        resumed(made)
        return made

    whole = run(trainer("whole"))
    run(trainer("cut"), until=40)
    assert_same(whole, run(trainer("cut")))
    metrics = published(whole, tmp_path / "artifact")
    assert {"modes", "hq_share", "diversity"} <= metrics.keys() <= set(points_config().metrics)
    assert ("reverse_kl" in metrics) == (metrics["modes"] > 0)  # without a mode found it is NaN, and left out
    assert metrics["diversity"] >= 0 and Image.open(tmp_path / "artifact" / "samples.png").size == (600, 600)
    generator, record = load_generator(tmp_path / "artifact", torch.device("cpu"))
    assert record.channels == 2 and generator(torch.randn(3, 2)).shape == (3, 2)


@pytest.mark.long
def test_points_are_sampled_and_inspected_at_the_command_line(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(project.root))
    params = project.params
    shutil.copy(ROOT / "benchmarks/mixtures.py", project.root)
    params["datasets"]["ring"] = {
        "source": "mixtures.Mixture",
        "root": "artifacts/code/dataset/ring",
        "shape": "ring",
        "count": 500,
    }
    params["world"] = {
        "common": {
            "dataset": "artifacts/datasets/ring", "kimg": 1, "batch_size": 20, "network": "mlp",
            "components": {"mixtures.FoundModes": {}},
            "tricks": {"loss": "wgan", "ttur": {"generator": 0.001, "discriminator": 0.001}},
        },
        "matrix": {"method": ["gan", "pac2"], "seed": [0, 3]},
        "options": {"method": {"gan": {}, "pac2": {"tricks": {"packing": 2}}}},
    }  # fmt: skip
    project.write_params(params)
    assert stage_names(params, "world") == ["gan-0", "gan-3", "pac2-0", "pac2-3"]
    config = stage_config(params, "world", "pac2-3")
    assert config.seed == 3 and config.samples_per_logit == 2
    project.python("espalier.stages.run", "dataset", "ring")
    output = project.python("espalier.stages.run", "world", "pac2-3")
    assert "warning: params.yaml: world.pac2-3: tricks.loss" in output and "grow without bound" in output
    metrics = json.loads((project.root / "artifacts/world/pac2-3/metrics.json").read_text())
    assert metrics["modes"] <= 8
    project.look("sample", "artifacts/world/pac2-3", "-n", "200", "-o", "points.png")
    assert Image.open(project.root / "points.png").size == (600, 600)
    assert "kimg at points" in project.look("inspect", "artifacts/world/pac2-3")
    project.set("world.common.dataset", "artifacts/datasets/dolls")
    project.python("espalier.stages.run", "dataset", "dolls")
    output = project.python("espalier.stages.run", "world", "gan-0", ok=False)
    assert project.code == 2 and "holds images, but the network mlp" in output
