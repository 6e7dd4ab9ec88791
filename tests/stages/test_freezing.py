"""`freeze`: what is frozen keeps every bit through a real training, and what cannot be frozen is refused."""

from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from espalier.data.errors import InputError
from espalier.stages.config.load import stage_config
from tests.conftest import Project

Weights = dict[str, dict[str, Tensor]]
DCGAN = [{"name": "dcgan", "latent": 8, "generator_width": width, "discriminator_width": width} for width in (8, 4)]
TRICKS: dict[str, dict[str, Any]] = {
    "plain": {"loss": "hinge", "ema": {}, "fade": {"kimg": 0.1}},
    "spectral norm": {"loss": "hinge", "ema": {}, "fade": {"kimg": 0.1}, "spectral_norm": {"on": "both"}},
    "many": {
        "loss": "nonsaturating", "r1": {}, "norm": {"discriminator": "layer"}, "historical_averaging": {}, "replay": {}, "ema": {}, "n_critic": 2, "fade": {"kimg": 0.1},
    },
}  # fmt: skip


def weights(project: Project, stage: str) -> Weights:
    folder = project.root / "artifacts/game" / stage
    return {file.stem: safetensors.torch.load_file(file) for file in sorted(folder.glob("*.safetensors"))}


def chain(tricks: dict[str, Any], **freezing: Any) -> dict[str, Any]:
    common = {
        "dataset": "artifacts/datasets/dolls", "seed": 1, "kimg": 0.24, "batch_size": 8, "tricks": tricks,
        "watch": {"log_steps": 5, "sample_kimg": 1, "checkpoint_seconds": 1000},
    }  # fmt: skip
    first = {"after": "artifacts/datasets/dolls", "resolution": 8, "network": DCGAN[0]}
    second = {"after": "artifacts/game/r8", "resolution": 16, "network": DCGAN[1], **freezing}
    return {"common": common, "stages": {"r8": first, "r16": second}}


def trained(project: Project, tricks: dict[str, Any], **freezing: Any) -> tuple[Weights, Weights]:
    project.set("game", chain(tricks, **freezing))
    for module, *names in (("dataset", "dolls"), ("game", "r8"), ("game", "r16")):
        project.python("espalier.stages.run", module, *names)
    return weights(project, "r8"), weights(project, "r16")


@pytest.mark.parametrize("tricks", [pytest.param(n, marks=[pytest.mark.long] * (n != "many")) for n in TRICKS])
def test_the_parents_weights_stay_bit_for_bit(project: Project, tricks: str) -> None:
    parent, child = trained(project, TRICKS[tricks], freeze="parent")
    for player, tensors in parent.items():
        changed = [name for name, value in tensors.items() if not torch.equal(child[player][name], value)]
        assert tensors and not changed, (player, changed)
    fresh = [name for name in child["discriminator"] if name not in parent["discriminator"]]
    assert fresh and "from_image.8.weight" in " ".join(fresh).replace("parametrizations.weight.original", "weight")


@pytest.mark.long
def test_named_modules_stay_and_the_others_move(project: Project) -> None:
    parent, child = trained(project, TRICKS["plain"], freeze=["generator.ups", "discriminator.logit"])
    for player, name in (("generator", "ups"), ("discriminator", "logit")):
        same = {key for key, value in parent[player].items() if torch.equal(child[player][key], value)}
        chosen = {key for key in parent[player] if key.startswith(f"{name}.")}
        assert chosen and chosen <= same < set(parent[player]), (player, same)


@pytest.mark.long
def test_a_killed_training_with_frozen_weights_continues_as_if_nothing_had_happened(project: Project) -> None:
    _, whole = trained(project, TRICKS["plain"], freeze="parent")
    (folder,) = project.root.glob(".work/game@r16/*")
    for file in folder.glob("step-*.pt"):
        file.unlink()
    project.set("game.stages.r16.kimg", 0.12)
    project.python("espalier.stages.run", "game", "r16")
    project.set("game.stages.r16.kimg", 0.24)
    assert "continuing at step 15" in project.python("espalier.stages.run", "game", "r16")
    again = weights(project, "r16")
    assert all(torch.equal(again[player][name], value) for player in whole for name, value in whole[player].items())


@pytest.mark.parametrize(
    ("freezing", "tricks", "said"),
    [
        (
            {"freeze": "generator.nowhere"},
            {},
            "freeze: there is no module 'generator.nowhere'; use one such as generator",
        ),
        ({"freeze": "generator"}, {}, "freeze: nothing of the generator is left to train; freeze less"),
        ({"freeze": "ups"}, {}, "freeze: 'ups' is neither parent nor a module of generator or discriminator"),
        ({"freeze": "parent"}, {"weight_clipping": {}}, "freeze: tricks.weight_clipping moves all weights"),
        ({"freeze": "discriminator.logit"}, {"unrolled": {"steps": 1}}, "freeze: tricks.unrolled moves all weights"),
        (
            {"freeze": "parent", "after": "artifacts/datasets/dolls"},
            {},
            "the stage takes no weights from artifacts/data",
        ),
    ],
)
def test_what_cannot_be_frozen_is_refused(
    project: Project, freezing: dict[str, Any], tricks: dict[str, Any], said: str
) -> None:
    project.set("game", chain(TRICKS["plain"] | tricks, **freezing))
    try:
        stage_config(project.params, "game", "r16")
    except InputError as error:
        output = str(error)
    else:
        output = project.python("espalier.stages.run", "game", "r16", "--profile", ok=False)
    assert said in output and "Traceback" not in output and Path(project.root).is_dir()
