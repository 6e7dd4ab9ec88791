"""Freeze weights: those of the parent, or of named modules. They take no gradient, and their buffers do not change either."""

import difflib
from collections.abc import Collection
from functools import partial

from torch import nn

from espalier.data.errors import InputError
from espalier.stages.tricks.parts import Networks

PARENT = "parent"
"""In place of modules: all weights taken over from the parent."""


def freeze(networks: Networks, chosen: Collection[str], inherited: dict[str, set[str]], where: str) -> None:
    """Freeze modules such as "discriminator.blocks.8", or with "parent" the inherited tensors of each player.

    A module all of whose own weights are frozen stays in evaluation mode, so that batch norm keeps its statistics.

    Raises:
        InputError: there is no such module, or nothing is left to train; `where` is the key in params.yaml.
    """
    for player, network in (("generator", networks.generator), ("discriminator", networks.discriminator)):
        names = set(network.state_dict())
        frozen = set(inherited.get(player, ())) if PARENT in chosen else set()
        for path in chosen:
            if path.partition(".")[0] == player:
                frozen |= _below(path, player, network, names, where)
        _hold(network, frozen)
        weights = list(network.parameters())
        if weights and not any(parameter.requires_grad for parameter in weights):
            raise InputError(f"{where}: nothing of the {player} is left to train; freeze less")


def _below(path: str, player: str, network: nn.Module, names: set[str], where: str) -> set[str]:
    """The names of a module's tensors."""
    inside = path.removeprefix(player).removeprefix(".")
    found = {name for name in names if not inside or name == inside or name.startswith(f"{inside}.")}
    if not found:
        modules = [f"{player}.{name}" for name, _ in network.named_modules() if name]
        near = difflib.get_close_matches(path, modules, n=3, cutoff=0.3) or modules[:3]
        raise InputError(f"{where}: there is no module '{path}'; use one such as {', '.join(near)}")
    return found


def _hold(network: nn.Module, frozen: set[str]) -> None:
    for name, parameter in network.named_parameters():
        if name in frozen:
            parameter.requires_grad_(False)
    for name, module in network.named_modules():
        own = [key for key in module.state_dict() if "." not in key]
        if own and all(f"{name}.{key}" in frozen for key in own):
            module.eval()
            module.train = partial(_unchanged, module)


def _unchanged(module: nn.Module, mode: bool = True) -> nn.Module:
    """`train` of a frozen module."""
    return module
