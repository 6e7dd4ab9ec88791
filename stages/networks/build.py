"""Build a stage's networks from its configuration, and grow them from its parent."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Protocol

import torch
from torch import Tensor, nn

from espalier.data.errors import InputError
from espalier.data.frames import SQUARE
from espalier.stages.networks.network import NetworkOptions
from espalier.stages.process.seeds import derive_seed
from espalier.stages.tricks.loss import Loss
from espalier.stages.tricks.no_loss import NoDiscriminator, NoLoss
from espalier.stages.tricks.parts import NetworkPlan, Networks, OptimizerPlan, Player
from espalier.stages.tricks.trick import Trick, implements

RENAMED = (".parametrizations.weight.original", ".weight")
"""Suffix of a weight with spectral norm, and without."""


class Adam(Protocol):
    """Options of Adam."""

    @property
    def learning_rate(self) -> float: ...
    @property
    def betas(self) -> tuple[float, float]: ...


class Tricks(Protocol):
    """The tricks in order."""

    @property
    def loss(self) -> Loss: ...
    @property
    def others(self) -> Sequence[Trick]: ...


class Stage(Protocol):
    """The part of a stage's configuration that the networks are built from."""

    @property
    def name(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def resolution(self) -> int | None: ...
    @property
    def grows(self) -> bool: ...
    @property
    def network(self) -> NetworkOptions: ...
    @property
    def tricks(self) -> Tricks: ...
    @property
    def adam(self) -> Adam: ...


def build_networks(
    stage: Stage, channels: int, device: torch.device, classes: int = 0, shape: tuple[int, int] = SQUARE
) -> Networks:
    """Build the networks with the tricks' changes, initialised from (seed, stage), in channels-last memory format.

    `shape`: height and width of the smallest images.
    """
    network, tricks = stage.network, stage.tricks.others
    arguments = network.arguments(stage.resolution or 0, channels)
    if shape != SQUARE:
        for player in ("generator", "discriminator"):
            arguments[player]["shape"] = shape
    plan = NetworkPlan(stage.grows, classes, arguments["generator"], arguments["discriminator"], network.prior)
    for trick in tricks:
        trick.plan_networks(plan)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(stage.seed, stage.name, "networks"))
        generator = network.generator_class(**plan.generator)
        fits = isinstance(stage.tricks.loss, NoLoss)
        discriminator = NoDiscriminator() if fits else network.discriminator_class(**plan.discriminator)
        networks = Networks(generator, discriminator, generator)
        for trick in tricks:
            if implements(trick, "change_networks"):
                trick.change_networks(networks)
    for module in networks.modules().values():
        module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return networks


def grow(
    networks: Networks, generator: dict[str, Tensor], discriminator: dict[str, Tensor], changed: bool = False
) -> dict[str, set[str]]:
    """Load the parent's weights. Returns the names of the tensors taken over, by player.

    Blocks that the parent lacks keep their initial weights; the averaged generator is a copy.

    `changed`: whether a remedy changed either side's networks; weights of other shapes then keep their initial values.

    At alpha 0, the grown generator outputs the parent's image, upsampled by 2.

    Raises:
        InputError: a weight has another shape in the parent.
    """
    inherited = {
        "generator": _take_over(networks.generator, generator, changed),
        "discriminator": _take_over(networks.discriminator, discriminator, changed),
    }
    if networks.ema is not networks.generator:
        networks.ema.load_state_dict(deepcopy(networks.generator.state_dict()))
    return inherited


def _take_over(network: nn.Module, parent: dict[str, Tensor], changed: bool) -> set[str]:
    own = network.state_dict()
    if changed:
        return set(own) - set(load_fitting(network, parent))
    shared = {name: value for name, value in parent.items() if name in own}
    for name, value in shared.items():
        if value.shape != own[name].shape:
            raise InputError(
                f"the parent's {type(network).__name__.lower()} has {name} of shape {tuple(value.shape)}, this stage needs "
                f"{tuple(own[name].shape)}; give both the same tricks on networks, or train the parent again"
            )
    network.load_state_dict(shared, strict=False)
    return set(shared)


def load_fitting(module: nn.Module, state: dict[str, Tensor]) -> list[str]:
    """Load tensors of the same name and shape. Returns the names of the missing ones."""
    own, found = module.state_dict(), {}
    for name, value in own.items():
        for candidate in (name, name.replace(*RENAMED), name.replace(RENAMED[1], RENAMED[0])):
            if candidate in state and state[candidate].shape == value.shape:
                found[name] = state[candidate]
                break
    module.load_state_dict(found, strict=False)
    return [name for name in own if name not in found]


def build_optimizers(stage: Stage, networks: Networks) -> dict[Player, torch.optim.Optimizer]:
    """Adam for both players, as modified by the tricks."""
    options = {"lr": stage.adam.learning_rate, "betas": stage.adam.betas, "eps": 1e-8, "fused": True}
    plan = OptimizerPlan(
        kind={"discriminator": torch.optim.Adam, "generator": torch.optim.Adam},
        options={"discriminator": dict(options), "generator": dict(options)},
    )
    for trick in stage.tricks.others:
        trick.plan_optimizers(plan)
    players: dict[Player, nn.Module] = {"discriminator": networks.discriminator, "generator": networks.generator}
    trained = {name: list(module.parameters()) for name, module in players.items()}
    return {name: plan.kind[name](weights, **plan.options[name]) for name, weights in trained.items() if weights}
