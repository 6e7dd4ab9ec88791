"""Several processes are one process: the same gradients and the same logged terms, for every trick and every network."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from espalier.data.errors import InputError
from espalier.data.store import Store
from espalier.stages.process import distributed
from espalier.stages.tricks.catalogue import LOSSES, TRICKS
from tests.stages.test_tricks_together import NETWORKS, OPTIONS, classed, configured  # noqa: F401  (a fixture)
from tests.training import new_trainer

ALONE = {"replay", "unrolled"}
"""Tricks that are refused with several processes."""
EXTRA: dict[str, dict[str, Any]] = {
    "relativistic average hinge": {"loss": "hinge", "relativistic": "average"},
    "dragan's paper": {"dragan": {"noise": "gaussian"}},
    "feature matching squared": {"feature_matching": {"distance": "squared", "weight": 2}},
    "batch norm": {"norm": {"generator": "batch", "discriminator": "batch"}},
    "penalty through the batch": {"minibatch_discrimination": {"kernels": 3, "dimensions": 2}, "gradient_penalty": {}},
    "averages through packs": {"relativistic": "average", "packing": 2, "loss": "lsgan"},
}
PERCEPTUAL = {"network": "tests.stages.test_processes.frozen_network"}
STILL = {"adam": {"learning_rate": {"start": 1e-12, "end": 5e-13, "kimg": 0.02}}}
MANY_KINKS = 5e-3
"""Among the millions of activations of EfficientNet, rounding moves one or two across a ReLU's kink."""
Steps = list[dict[str, Tensor]]


def frozen_network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)  # the same in all processes
        return nn.Sequential(nn.Conv2d(3, 2, 3, stride=2), nn.Flatten())


def cases() -> dict[str, tuple[str, dict[str, Any]]]:
    """A network and its tricks by name: every trick and loss on a network that has it, and every network with plain ones."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    options = {
        **OPTIONS,
        "ttur": {"generator": 1e-12, "discriminator": 2e-12},
        "schedule": STILL,
        "perceptual": PERCEPTUAL,
    }
    wanted = {name: {name: options.get(name, {})} for name in TRICKS if name not in ALONE}
    wanted |= {f"loss {name}": {"loss": name} for name in LOSSES} | EXTRA
    for name, tricks in wanted.items():
        for network in NETWORKS:
            if (name, network) == ("weight_clipping", "fashion_shape"):
                continue  # the clipped weights leave little but rounding, which the batch norms amplify
            try:
                configured({"loss": "nonsaturating", **tricks}, network)
            except InputError:
                continue
            found[f"{name} on {network}"] = network, {"loss": "nonsaturating", **tricks}
    for name in ("diffaugment", "ada", "lecam", "instance_noise", "relativistic"):
        found[f"{name} on projected"] = "projected", {"loss": "hinge", name: options.get(name, {})}
    return found


def two_iterations(network: str, tricks: dict[str, Any], store: Store, folder: Path) -> Steps:
    """The terms of two iterations, and the gradients of the last. The weights stand still: Adam makes much of the rounding of a
    gradient that is almost 0."""
    trainer = new_trainer(configured(tricks, network, learning_rate=1e-12), store, None, folder)
    steps = [trainer.iterate() for _ in range(2)]
    gradients = {
        f"{player}.{name}": parameter.grad.clone()
        for player in ("generator", "discriminator")
        for name, parameter in trainer.networks.of(player).named_parameters()  # type: ignore[arg-type]
        if parameter.grad is not None
    }
    return [*steps, gradients]


def _share(rank: int, port: int, store: Path, out: Path) -> None:
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    distributed.start(torch.device("cpu"))
    os.chdir(store.parents[2])
    found = {name: two_iterations(*case, Store(store), out) for name, case in cases().items()}
    if rank == 0:
        torch.save(found, out / "two.pt")
    distributed.stop()


@pytest.mark.long
def test_every_trick_on_every_network(classed: Store, tmp_path: Path) -> None:  # noqa: F811
    store = Path.cwd() / classed.path
    torch.multiprocessing.spawn(_share, args=(29573, store, tmp_path), nprocs=2)  # type: ignore[no-untyped-call]
    two = torch.load(tmp_path / "two.pt", weights_only=True)
    assert len(two) > 60
    wrong = []
    for name, case in cases().items():
        for place, (one, both) in enumerate(zip(two_iterations(*case, classed, tmp_path), two[name], strict=True)):
            assert one.keys() == both.keys(), name
            largest = max(float(value.abs().max()) for value in one.values())
            for key, value in one.items():
                scale = max(
                    float(value.abs().max()), 0.05 * largest
                )  # before a batch norm, a bias's gradient is all rounding
                apart = float((value - both[key]).abs().max()) / scale
                if apart > (MANY_KINKS if name.endswith("projected") else 1e-4):
                    wrong.append(f"{name}: {key} of step {place} is off by {apart:.1e}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", sorted(ALONE))
def test_what_cannot_be_is_refused(classed: Store, name: str) -> None:  # noqa: F811
    with pytest.raises(InputError, match="processes: 1"):
        configured({"loss": "nonsaturating", name: OPTIONS[name]}, "dcgan", processes=2)
