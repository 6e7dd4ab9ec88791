"""The networks a stage can train, by name."""

from espalier.stages.contracts import known
from espalier.stages.contracts.registry import Registry
from espalier.stages.networks.network import NetworkOptions

NETWORKS = Registry[NetworkOptions]("network", known.NETWORKS, "espalier.stages.networks.network.NetworkOptions")


def with_place(place: str) -> list[str]:
    """The networks that have a given place for tricks, such as "generator.attention"."""
    return [name for name, network in NETWORKS.items() if place in network.places()]
