"""Every pair of tricks, and random larger sets of them, train or are refused with a reason."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from espalier.data.errors import InputError
from espalier.data.prepare import prepare
from espalier.data.sealed import digests_in, read_record, write_record
from espalier.data.sources.dolls import DollSource
from espalier.data.store import Store
from espalier.stages.config.load import stage_config
from espalier.stages.config.stage import StageConfig
from espalier.stages.networks.build import build_networks
from espalier.stages.tricks.catalogue import LOSSES, TRICKS
from tests.training import new_trainer

OPTIONS: dict[str, Any] = {
    "fade": {"kimg": 0.004},
    "n_critic": 2,
    "instance_noise": {"kimg": 1},
    "ttur": {"generator": 0.001, "discriminator": 0.002},
    "relativistic": "average",
    "self_attention": {"generator": [8], "discriminator": [4]},
    "unrolled": 2,
    "past_players": {"every": 1, "share": 0.9},
    "optimizers": {"discriminator": {"name": "rmsprop"}},
    "norm": {"discriminator": "layer"},
    "dropout": {"generator": 0.5, "discriminator": 0.2},
    "perceptual": {"network": "tests.stages.test_tricks_together.frozen_network"},
    "packing": 2,
    "minibatch_discrimination": {"kernels": 3, "dimensions": 2},
    "replay": {"size": 4},
    "ramp": {"up_kimg": 0.01},
    "virtual_batch_norm": 4,
    "ada": {"p": 0.5},
    "schedule": {"adam": {"learning_rate": {"start": 0.001, "end": 0.0005, "kimg": 0.02}}},
}
"""What each trick is told here; the others nothing."""
NETWORKS: dict[str, Any] = {
    "progan": {"name": "progan", "latent": 4, "base": 16, "largest": 4},
    "dcgan": {"name": "dcgan", "latent": 4, "generator_width": 2, "discriminator_width": 2},
    "resnet": {"name": "resnet", "latent": 4, "generator_width": 4, "discriminator_width": 4},
    "r3gan": {"name": "r3gan", "latent": 4, "base": 16, "largest": 4, "blocks": 1},
    "stylegan2": {"name": "stylegan2", "latent": 4, "base": 16, "largest": 4, "style": 4},
    "fashion_shape": {"name": "fashion_shape", "latent": 4, "width": 2, "code": 5},
}


def frozen_network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 2, 3, stride=2), nn.Flatten())


@pytest.fixture(scope="module")
def classed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """48 dolls up to 32x32 in three classes, with sentence codes; as a project's artifact, in whose folder the tests run."""
    home = tmp_path_factory.mktemp("classed")
    path = home / "artifacts" / "datasets" / "x"
    prepare(DollSource(source="dolls", root=Path("data/dolls"), count=48, resolution=32), path, lambda d, t: None, 1)
    np.save(path / "labels.npy", np.arange(48) % 3)
    np.save(path / "codes.npy", np.random.default_rng(0).standard_normal((48, 5), dtype=np.float32))
    manifest = read_record(path / "manifest.json")
    (path / "manifest.json").unlink()
    more = {"classes": ["a", "b", "c"], "code_width": 5, "digests": digests_in(path)}
    write_record(path / "manifest.json", {**manifest, **more})
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path.cwd()))
        patch.chdir(home)
        yield Store(path)


PROJECTED: dict[str, Any] = {"name": "projected", "latent": 4, "width": 1, "largest": 8, "side": 64}
"""Apart from the others, since its features take a hundred times as long as small networks."""


def configured(
    tricks: dict[str, Any], network: str = "dcgan", processes: int = 1, learning_rate: float = 0.001
) -> StageConfig:
    stage: dict[str, Any] = {
        "resolution": 8, "kimg": 1, "batch_size": 8, "network": {**NETWORKS, "projected": PROJECTED}[network],
        "tricks": tricks, "adam": {"learning_rate": learning_rate}, "processes": processes,
    }  # fmt: skip
    if network == "fashion_shape":
        stage |= {"resolution": 32, "encoder": "artifacts/datasets/x"}
    return stage_config({"p": {"common": {"dataset": "artifacts/datasets/x"}, "stages": {"s": stage}}}, "p", "s")


def three_steps(config: StageConfig, store: Store, folder: Path) -> list[dict[str, Tensor]]:
    trainer = new_trainer(config, store, None, folder)
    said = [trainer.iterate() for _ in range(3)]
    for step in said:
        assert all(torch.isfinite(value).all() for value in step.values()), step
    for module in trainer.networks.modules().values():
        assert all(torch.isfinite(value).all() for value in module.state_dict().values())
        assert all(p.requires_grad for p in trainer.networks.discriminator.parameters())
    return said


def trains_or_is_refused(names: list[str], loss: str, store: Store, folder: Path) -> bool:
    """Whether it trained; a refusal names a key and what would be right."""
    tricks = {"loss": loss, **{name: OPTIONS.get(name, {}) for name in names}}
    refusals = []
    for network in NETWORKS:
        try:
            config = configured(tricks, network)
        except InputError as error:
            refusals.append(str(error))
            continue
        three_steps(config, store, folder)
        return True
    assert all(r.startswith("params.yaml: p.") and len(r) > 60 for r in refusals), refusals
    assert any(name in refusal for name in (*names, loss) for refusal in refusals)
    return False


@pytest.mark.parametrize("name", TRICKS)
def test_each_of_the_tricks_trains_with_all_others_in_pairs_or_is_refused(
    name: str, classed: Store, tmp_path: Path
) -> None:
    others = [other for other in TRICKS if other > name]
    trained = [trains_or_is_refused([name, other], "nonsaturating", classed, tmp_path) for other in others]
    if name in ("ema", "ttur"):
        assert all(trained), "these refuse nobody"


@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_trains_with_each_of_the_tricks_or_is_refused(loss: str, classed: Store, tmp_path: Path) -> None:
    trained = {name: trains_or_is_refused([name], loss, classed, tmp_path) for name in TRICKS}
    refused = {name for name, yes in trained.items() if not yes}
    labels = {"label_smoothing", "noisy_labels"}
    assert refused == {"wgan": labels | {"relativistic"}, "hinge": labels}.get(loss, set())


def test_200_random_sets_of_tricks_train_or_are_refused(classed: Store, tmp_path: Path) -> None:
    chance = random.Random(4)
    trained = 0
    for _ in range(200):
        names = chance.sample(list(TRICKS), chance.randint(3, 7))
        trained += trains_or_is_refused(names, chance.choice(list(LOSSES)), classed, tmp_path)
    assert trained > 40, "enough of them are possible to mean something"


@pytest.mark.parametrize(("prior", "least", "most"), [("uniform", -1.0, 1.0), ("normal", -6.0, 6.0)])
def test_the_reference_batch_is_of_the_latents_prior(prior: str, least: float, most: float) -> None:
    config = configured({"loss": "hinge", "virtual_batch_norm": 512})
    config = config.model_copy(update={"network": config.network.model_copy(update={"prior": prior})})
    reference = build_networks(config, 3, torch.device("cpu")).generator.reference
    assert isinstance(reference, Tensor) and reference.shape == (512, 4)
    assert least < float(reference.min()) < 0 < float(reference.max()) < most
    assert float(reference.std()) == pytest.approx(1 / 3**0.5 if prior == "uniform" else 1, rel=0.1)
