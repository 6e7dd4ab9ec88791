"""The players of a stage: built from its configuration, grown from its parent."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from espalier.data.errors import InputError
from espalier.stages.config.params import PARAMS
from espalier.stages.config.stage import StageConfig
from espalier.stages.tricks.context import derive_seed
from espalier.stages.tricks.trick import NetworkPlan, Networks, OptimizerPlan, Player, implements

RENAMED = (".parametrizations.weight.original", ".weight")
"""What spectral norm calls a weight, and what it is without."""


def build_networks(config: StageConfig, channels: int, device: torch.device, classes: int = 0) -> Networks:
    """Networks with the tricks' changes, initialised from (seed, stage), channels last in memory.

    Raises:
        InputError: a trick needs classes, and the data have none.
    """
    if config.needs_classes and not classes:
        needy = next(trick.name for trick in config.tricks.others if trick.needs_classes())
        raise InputError(
            f"{PARAMS}: {config.pipeline}: tricks.{needy} needs the class of each picture, and the dataset {config.dataset} has "
            "none; give it classes (one folder each), or leave the trick out"
        )
    network, tricks = config.network, config.tricks.others
    arguments = network.arguments(config.resolution or 0, channels)
    plan = NetworkPlan(config.grows, classes, arguments["generator"], arguments["discriminator"])
    for trick in tricks:
        trick.plan_networks(plan)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(config.seed, config.name, "networks"))
        generator = network.generator_class(**plan.generator)
        networks = Networks(generator, network.discriminator_class(**plan.discriminator), generator)
        for trick in tricks:
            if implements(trick, "change_networks"):
                trick.change_networks(networks)
    for module in networks.modules().values():
        module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return networks


def grow(
    networks: Networks, generator: dict[str, Tensor], discriminator: dict[str, Tensor], changed: bool = False
) -> None:
    """Take over the parent's weights; blocks the parent lacks keep their fresh ones, the average is a copy.

    `changed`: whether a remedy changed networks on either side: weights of other shapes then stay fresh.

    At alpha 0 the grown generator gives the parent's picture, doubled.

    Raises:
        InputError: a weight has another shape in the parent.
    """
    _take_over(networks.generator, generator, changed)
    _take_over(networks.discriminator, discriminator, changed)
    if networks.ema is not networks.generator:
        networks.ema.load_state_dict(deepcopy(networks.generator.state_dict()))


def _take_over(network: nn.Module, parent: dict[str, Tensor], changed: bool) -> None:
    if changed:
        load_fitting(network, parent)
        return
    own = network.state_dict()
    shared = {name: value for name, value in parent.items() if name in own}
    for name, value in shared.items():
        if value.shape != own[name].shape:
            raise InputError(
                f"the parent's {type(network).__name__.lower()} has {name} of shape {tuple(value.shape)}, this stage needs "
                f"{tuple(own[name].shape)}; give both the same tricks on networks, or train the parent again"
            )
    network.load_state_dict(shared, strict=False)


def load_fitting(module: nn.Module, state: dict[str, Tensor]) -> list[str]:
    """Load tensors of the same name and shape. Returns the names of those that are not there."""
    own, found = module.state_dict(), {}
    for name, value in own.items():
        for candidate in (name, name.replace(*RENAMED), name.replace(RENAMED[1], RENAMED[0])):
            if candidate in state and state[candidate].shape == value.shape:
                found[name] = state[candidate]
                break
    module.load_state_dict(found, strict=False)
    return [name for name in own if name not in found]


def build_optimizers(config: StageConfig, networks: Networks) -> dict[Player, torch.optim.Optimizer]:
    """Adam for both players, as the tricks change it."""
    options = {"lr": config.adam.learning_rate, "betas": config.adam.betas, "eps": 1e-8, "fused": True}
    plan = OptimizerPlan(
        kind={"discriminator": torch.optim.Adam, "generator": torch.optim.Adam},
        options={"discriminator": dict(options), "generator": dict(options)},
    )
    for trick in config.tricks.others:
        trick.plan_optimizers(plan)
    players: dict[Player, nn.Module] = {"discriminator": networks.discriminator, "generator": networks.generator}
    return {name: plan.kind[name](module.parameters(), **plan.options[name]) for name, module in players.items()}
