"""`transfer`: a stage goes on with all weights of a parent of the same networks, on other images."""

from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from espalier.data.errors import InputError
from espalier.data.prepare import prepare
from espalier.stages.config.load import stage_config
from espalier.stages.config.params import read_params
from espalier.stages.config.sections import source_config
from espalier.stages.config.stage_type import stage_of
from tests.conftest import Project

NETWORKS: dict[str, dict[str, Any]] = {
    "progan": {"latent": 8, "base": 64, "largest": 8},
    "stylegan2": {"latent": 8, "style": 8, "base": 64, "largest": 8},
    "r3gan": {"latent": 8, "base": 64, "largest": 8, "blocks": 1},
    "resnet": {"latent": 8, "generator_width": 8, "discriminator_width": 8},
    "projected": {"latent": 8, "width": 1, "largest": 8, "side": 64},
}


FOLLOWING = ("running_mean", "running_var", "num_batches_tracked", "average", "_u", "_v")
"""Tensors that follow the data instead of a gradient."""


def pipeline(dataset: str, after: str, network: dict[str, Any], **options: Any) -> dict[str, Any]:
    """One stage at 16x16, whose rate is too small to move a weight by 1e-6."""
    common = {
        "dataset": f"artifacts/datasets/{dataset}", "kimg": 0.032, "batch_size": 8, "adam": {"learning_rate": 1e-9},
        "tricks": {"loss": "hinge", "ema": {}, "fade": {"kimg": 0.016}}, "monitor": {"steps": 1000},
    }  # fmt: skip
    if network["name"] in ("resnet", "projected"):
        del common["tricks"]["fade"]  # type: ignore[attr-defined]
    return {"common": common, "stages": {"r16": {"after": after, "resolution": 16, "network": network, **options}}}


def weights(project: Project, name: str) -> dict[str, dict[str, Tensor]]:
    files = sorted((project.root / "artifacts" / name / "r16").glob("*.safetensors"))
    return {file.stem: safetensors.torch.load_file(file) for file in files}


@pytest.mark.parametrize("name", NETWORKS)
def test_its_weights_are_the_parents_of_other_images(
    project: Project, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.root)
    network = {"name": name, **NETWORKS[name]}
    project.set("datasets.others", {**project.params["datasets"]["dolls"], "seed": 7})
    project.set("first", pipeline("dolls", "artifacts/datasets/dolls", network))
    project.set("second", pipeline("others", "artifacts/first/r16", network, transfer=True, seed=3))
    params = read_params()
    for dataset in ("dolls", "others"):
        source, store = source_config(params, dataset), Path("artifacts/datasets", dataset)
        prepare(source, store, lambda done, total: None, workers=1)
    for chain in ("first", "second"):
        stage_of(params, chain, "r16").run()
    before, after = weights(project, "first"), weights(project, "second")
    for player, tensors in before.items():
        assert tensors.keys() == after[player].keys() and tensors
        for key in (name for name in tensors if name.rsplit(".", 1)[-1] not in FOLLOWING):
            assert torch.allclose(after[player][key], tensors[key], atol=1e-5), (player, key)
    config = stage_config(read_params(), "second", "r16")
    assert config.takes_over and not config.grows


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no parent": ({"after": "artifacts/datasets/dolls"}, "transfer takes the weights of a parent"),
    "another size": ({"resolution": 8}, "8 is not the 16 of its parent, as transfer needs it"),
    "other networks": (
        {"network": {"name": "progan", "latent": 4, "base": 64, "largest": 8}},
        "network.latent: 4 differs from the 8 of its parent, whose weights transfer takes over",
    ),
    "all frozen": ({"freeze": "parent"}, "with transfer all weights are the parent's; name modules instead"),
    "samples": (
        {"network": {"name": "fashion_image", "variant": "paper"}, "resolution": 32},
        "transfer: the network fashion_image trains on samples of its parent",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_taken_over_is_refused(project: Project, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.root)
    network = {"name": "progan", **NETWORKS["progan"]}
    changes, sentence = REFUSED[case]
    section = pipeline("dolls", "artifacts/datasets/dolls", network)
    section["stages"]["again"] = {
        "after": "artifacts/first/r16", "resolution": 16, "network": network, "transfer": True, **changes,
    }  # fmt: skip
    project.set("first", section)
    with pytest.raises(InputError) as caught:
        stage_config(read_params(), "first", "again")
    assert sentence in str(caught.value)


def test_no_tensor_of_the_parent_is_lost_and_none_stays_untrained(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.root)
    network = {"name": "progan", **NETWORKS["progan"]}
    attention = {"tricks": {"self_attention": {"generator": [8]}}}
    for name, own, child in (("with", attention, {}), ("without", {}, attention)):
        project.set(name, pipeline("dolls", "artifacts/datasets/dolls", network, **own))
        project.set(f"after_{name}", pipeline("dolls", f"artifacts/{name}/r16", network, transfer=True, **child))
    params = read_params()
    prepare(source_config(params, "dolls"), Path("artifacts/datasets/dolls"), lambda done, total: None, workers=1)
    for name, who in (("with", "the parent"), ("without", "this stage")):
        stage_of(params, name, "r16").run()
        with pytest.raises(InputError, match=f"only {who} has .*attention.*differ: tricks.self_attention"):
            stage_of(params, f"after_{name}", "r16").run()
