"""Modes of mixtures and of stacked digits, against closed forms; points as a stage of their own."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from espalier.data.prepare import prepare
from espalier.data.sources.points import PointSource
from espalier.data.store import Store
from espalier.stages.artifacts.artifact import load_generator
from espalier.stages.config.load import stage_config
from espalier.stages.config.params import stage_names
from espalier.stages.loop.trainer import Trainer
from espalier.stages.metrics.modes import kl_to_uniform, mode_metrics
from espalier.stages.metrics.stacked_digits import stacked_metrics
from espalier.stages.types.classifier import single_digits
from tests.conftest import Project
from tests.stages.test_trainer import assert_same
from tests.training import new_trainer, published, resumed, run

CENTRES = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])


def test_modes_high_quality_and_reverse_kl_at_known_points() -> None:
    good = torch.tensor([[0.0, 0.29], [0.1, 0.0], [10.0, 0.0]])
    far = torch.tensor([[0.0, 0.31], [5.0, 5.0]])
    found = mode_metrics(torch.cat([good, far]), CENTRES, std=0.1)
    assert (found.modes, found.hq_share) == (2, 0.6)
    expected = math.log(4) + (2 / 3) * math.log(2 / 3) + (1 / 3) * math.log(1 / 3)
    assert found.reverse_kl == pytest.approx(expected)
    nothing = mode_metrics(far, CENTRES, std=0.1)
    assert nothing.modes == 0 and math.isnan(nothing.reverse_kl)


@pytest.mark.parametrize(("hit", "of"), [(7, 8), (17, 25), (840, 1000)])
def test_k_of_k_modes_equally_hit_have_the_log_of_their_share(hit: int, of: int) -> None:
    counts = torch.zeros(of, dtype=torch.int64)
    counts[:hit] = 5
    assert kl_to_uniform(counts) == pytest.approx(math.log(of / hit))
    assert kl_to_uniform(torch.full((of,), 3)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("shape", "modes", "floor"), [("ring", 8, 0.0014), ("grid", 25, 0.0048)])
def test_real_points_have_the_ceilings_of_perfect_samples(shape: Any, modes: int, floor: float) -> None:
    drawn = PointSource(source="points", root=Path("x"), shape=shape, count=100_000).draw()
    assert drawn.std is not None
    centres, samples = torch.tensor(drawn.centres), torch.from_numpy(drawn.points)
    whole = mode_metrics(samples, centres, drawn.std)
    assert whole.modes == modes and whole.hq_share == pytest.approx(1 - math.exp(-4.5), abs=0.002)
    few = [mode_metrics(samples[i : i + 2500], centres, drawn.std).reverse_kl for i in range(0, 100_000, 2500)]
    assert np.mean(few) == pytest.approx(floor, rel=0.25)


class ReadsTheDigit(nn.Module):
    """A classifier that finds the digit in the top left pixel."""

    def forward(self, x: Tensor) -> Tensor:
        digit = ((x[:, 0, 0, 0] + 1) * 127.5).round().long()
        return nn.functional.one_hot(digit, 10).float()


def test_stacked_modes_are_counted_over_all_samples() -> None:
    modes = torch.tensor([0, 7, 7, 123, 999])
    images = torch.zeros(5, 3, 4, 4, dtype=torch.uint8)
    images[:, :, 0, 0] = torch.stack([modes // 100, modes // 10 % 10, modes % 10], 1).to(torch.uint8)
    found = stacked_metrics(images, ReadsTheDigit(), torch.device("cpu"), batch=2)
    assert found.modes == 4
    shares = [1 / 5, 2 / 5, 1 / 5, 1 / 5]
    assert found.kl == pytest.approx(sum(p * math.log(p * 1000) for p in shares))
    digits, classes = single_digits(images.float(), modes)
    assert digits.shape == (15, 1, 4, 4) and torch.equal(digits[:, 0, 0, 0].long(), classes)


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Store:
    path = tmp_path_factory.mktemp("points") / "ring"
    prepare(PointSource(source="points", root=Path("x"), shape="ring", count=2000), path, lambda d, t: None)
    return Store(path)


def points_config(**changes: Any) -> Any:
    stage = {
        "kimg": 2, "batch_size": 20, "adam": {"learning_rate": 0.001},
        "network": {"name": "mlp", "generator_width": 8, "discriminator_width": 8},
        "tricks": {"loss": "nonsaturating", "packing": 2, "ema": {}}, **changes,
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
    assert {"modes", "hq_share", "reverse_kl", "diversity"} <= metrics.keys() <= set(points_config().metrics)
    assert metrics["diversity"] >= 0 and Image.open(tmp_path / "artifact" / "samples.png").size == (600, 600)
    generator, record = load_generator(tmp_path / "artifact", torch.device("cpu"))
    assert record.channels == 2 and generator(torch.randn(3, 2)).shape == (3, 2)


def test_points_are_sampled_and_inspected_at_the_command_line(project: Project) -> None:
    params = project.params
    params["datasets"]["ring"] = {
        "source": "points",
        "root": "artifacts/code/dataset/ring",
        "shape": "ring",
        "count": 500,
    }
    params["world"] = {
        "common": {
            "dataset": "artifacts/datasets/ring", "kimg": 1, "batch_size": 20, "network": "mlp",
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
