"""A restorer: a generator that is conditioned on a small image, fitted first, with a discriminator that joins later."""

import csv
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from espalier.data.errors import InputError
from espalier.stages.config.load import stage_config
from tests.conftest import Project

CODE = '''
import torch
import torch.nn.functional as F
from torch import nn

from espalier.stages.contracts.condition import Conditioning
from espalier.stages.kinds.images import to_float
from espalier.stages.networks.network import NetworkOptions


class Small(Conditioning):
    """Each image at a quarter of its size."""

    def __init__(self, config, store, parent, device):
        self.small = torch.tensor(store.images(config.resolution // 4)[:]).to(device)

    def at(self, indices):
        return to_float(self.small[torch.from_numpy(indices)])

    def examples(self, count):
        return to_float(self.small[torch.arange(count) % len(self.small)])


class Generator(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.latent, self.channels = 1, channels
        self.layers = nn.Sequential(nn.Conv2d(channels, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, channels, 3, padding=1))

    def forward(self, latent, small):
        large = F.interpolate(small, scale_factor=4.0)
        return large + self.layers(large)


class Discriminator(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(2 * channels, 8, 4, 4), nn.LeakyReLU(), nn.Flatten(), nn.LazyLinear(1))

    def forward(self, images, features=None, small=None):
        return self.layers(torch.cat([images, F.interpolate(small, scale_factor=4.0)], 1)).flatten()


class Restorer(NetworkOptions):
    latent: int = 1
    generator_class, discriminator_class = Generator, Discriminator

    def arguments(self, resolution, channels):
        return {"generator": {"channels": channels}, "discriminator": {"channels": channels}}
'''.replace("nn.LazyLinear(1)", "nn.Linear(128, 1)")


def restorer(project: Project, **own: Any) -> dict[str, Any]:
    (project.root / "my_restorer.py").write_text(CODE)
    stage = {
        "resolution": 16, "network": "my_restorer.Restorer", "conditioning": "my_restorer.Small", "kimg": 4, "batch_size": 8,
        "tricks": {"loss": "hinge", "reconstruction": {"weight": 10}}, "watch": {"log_steps": 5, "checkpoint_seconds": 1000},
        "discriminator": {"from_kimg": 2, "warm_up_kimg": 1}, "milestone_kimg": 1, "monitor": {"steps": 20}, **own,
    }  # fmt: skip
    project.set("restore", {"common": {"dataset": "artifacts/datasets/dolls", "seed": 1}, "stages": {"s": stage}})
    return stage


def weights(project: Project, kimg: int) -> dict[str, dict[str, torch.Tensor]]:
    """The weights of both players at a milestone."""
    folder = project.root / f"artifacts/restore/s/milestones/kimg-{kimg:05d}"
    return {file.stem: safetensors.torch.load_file(file) for file in folder.glob("*.safetensors")}


def moved(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return not all(torch.equal(other[name], value) for name, value in one.items())


def test_it_fits_then_the_discriminator_warms_up_then_both_play(project: Project) -> None:
    restorer(project)
    project.python("espalier.stages.run", "dataset", "dolls")
    project.python("espalier.stages.run", "restore", "s")
    with (project.root / "artifacts/restore/s/history.csv").open(newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    fits, warms, plays = ([row for row in rows if low < row["kimg"] <= high] for low, high in ((0, 2), (2, 3), (3, 4)))
    assert all(row["loss_d"] == row["loss_g"] == 0 < row["reconstruction"] for row in fits)
    assert all(row["loss_d"] > 0 == row["loss_g"] == row["reconstruction"] for row in warms)
    assert all(row["loss_d"] > 0 != row["loss_g"] and row["reconstruction"] > 0 for row in plays)
    assert fits[-1]["reconstruction"] < 0.9 * fits[0]["reconstruction"]
    at = {kimg: weights(project, kimg) for kimg in (1, 2, 3, 4)}
    steps = [(1, 2), (2, 3), (3, 4)]
    assert [moved(at[a]["generator"], at[b]["generator"]) for a, b in steps] == [True, False, True]
    assert [moved(at[a]["discriminator"], at[b]["discriminator"]) for a, b in steps] == [False, True, True]
    with (project.root / "artifacts/restore/s/monitor.csv").open(newline="") as file:
        assert all(float(row["kimg"]) > 3 for row in csv.DictReader(file))
    project.espalier("sample", "artifacts/restore/s", "-n", "4", "-o", "restored.png")


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (
            {"tricks": {"loss": "hinge"}},
            "discriminator.from_kimg: until the discriminator joins, the generator has no loss",
        ),
        ({"kimg": 3}, "discriminator: with kimg 3 the stage ends before both players train together"),
        ({"discriminator": {"from_kmg": 1}}, "discriminator.from_kmg: unknown key; did you mean 'from_kimg'?"),
        (
            {"tricks": {"loss": "hinge", "reconstruction": {}, "simultaneous": {}}},
            "discriminator: tricks.simultaneous moves both players at once",
        ),
        ({"conditioning": None}, "tricks.reconstruction cannot be used in network my_restorer.Restorer"),
    ],
)
def test_what_cannot_join_is_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch, own: dict[str, Any], said: str
) -> None:
    restorer(project, **own)
    monkeypatch.syspath_prepend(str(project.root))
    monkeypatch.chdir(project.root)
    with pytest.raises(InputError) as error:
        stage_config(project.params, "restore", "s")
    assert said in str(error.value) and Path("params.yaml").is_file()


@pytest.mark.long
def test_a_stage_may_only_fit_and_the_next_one_plays(project: Project) -> None:
    """`loss: none`: no discriminator is built; the generator is handed over to a stage with one."""
    more = "    from_parent = 'weights'\n\n    def check_parent(self, resolution, parent, parent_resolution):\n        return None\n"
    restorer(project, discriminator={}, tricks={"loss": "none", "reconstruction": {}, "ema": {}}, kimg=1)
    (project.root / "my_restorer.py").write_text(CODE + more)
    fits = project.params["restore"]["stages"]["s"]
    plays = fits | {
        "after": "artifacts/restore/s",
        "tricks": {"loss": "hinge", "reconstruction": {}},
        "freeze": ["generator.layers.0"],
    }
    project.set("restore.stages.plays", plays)
    for module, stage in (("dataset", "dolls"), ("restore", "s"), ("restore", "plays")):
        project.python("espalier.stages.run", module, stage)
    first, second = (
        {
            file.stem: safetensors.torch.load_file(file)
            for file in (project.root / f"artifacts/restore/{stage}").glob("*.safetensors")
        }
        for stage in ("s", "plays")
    )
    assert first["discriminator"] == {} and second["discriminator"]
    for name, value in first["generator"].items():
        assert torch.equal(second["generator"][name], value) == name.startswith("layers.0")
    with (project.root / "artifacts/restore/s/history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["step", "kimg", "alpha", "reconstruction", "grad_g"]
    assert float(rows[-1]["reconstruction"]) < float(rows[0]["reconstruction"])
    project.espalier("sample", "artifacts/restore/s", "-n", "4", "-o", "restored.png")
    assert "reconstruction" in project.espalier("inspect", "artifacts/restore/s")
    before = project.python("espalier.stages.run", "restore", "s", "--profile")
    assert '"discriminator_parameters": 0' in before


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"tricks": {"loss": "none"}}, "tricks.loss: none leaves the generator without any loss; add a term"),
        (
            {"tricks": {"loss": "none", "reconstruction": {}, "r1": {}}},
            "tricks.r1: tricks.loss is none, so there is no",
        ),
        ({"tricks": {"loss": "none", "reconstruction": {}}, "heal": True}, "heal: tricks.loss is none"),
        (
            {"tricks": {"loss": "none", "reconstruction": {}}, "discriminator": {"from_kimg": 1}},
            "discriminator: tricks.loss is",
        ),
        (
            {"tricks": {"loss": "none", "reconstruction": {}}, "gate": {"loss_d": {"below": 1}}},
            "gate.loss_d: the stage has no such metric",
        ),
    ],
)
def test_what_needs_a_game_is_refused_without_one(
    project: Project, monkeypatch: pytest.MonkeyPatch, own: dict[str, Any], said: str
) -> None:
    restorer(project, **({"discriminator": {}} | own))
    monkeypatch.syspath_prepend(str(project.root))
    monkeypatch.chdir(project.root)
    with pytest.raises(InputError) as error:
        stage_config(project.params, "restore", "s")
    assert said in str(error.value)


def test_a_term_that_asks_the_discriminator_is_a_sentence(project: Project) -> None:
    restorer(project, discriminator={}, tricks={"loss": "none", "feature_matching": {}})
    (project.root / "my_restorer.py").write_text(CODE + "    def feature_count(self, resolution):\n        return 1\n")
    output = project.python("espalier.stages.run", "restore", "s", "--profile", ok=False)
    assert "a trick asks the discriminator, but tricks.loss is none" in output and "Traceback" not in output
