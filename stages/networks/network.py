"""Base class of network options, including the places that tricks can change."""

import inspect
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from espalier.models.hidden import Activation, HiddenPlan
from espalier.models.norms import NORMS, NormName
from espalier.stages.contracts.condition import Condition
from espalier.stages.contracts.kind import Kind
from espalier.stages.contracts.options import Options
from espalier.stages.kinds.images import IMAGES
from espalier.stages.kinds.points import Points

POINTS = Points()


class NetworkOptions(Options, ABC):
    """A latent, and two networks built from keyword arguments that tricks may change.

    `kind`: the kind of data of both players. `norms` and `activations`: what follows hidden layers before a trick changes it.
    `equalized`: weights are stored as N(0, 1) and scaled at run time. `conditioned_on`: one word for what the networks are
    conditioned on besides classes, if anything; `conditioning`: dotted path of the function that creates it. `from_parent`: what
    a stage with these networks takes from its parent stage, if anything.
    """

    name: str
    latent: int = Field(default=128, ge=1, description="length of the latent")
    prior: Literal["normal", "uniform"] = Field(
        default="normal", description="distribution of the latents: N(0, 1) or U(-1, 1)"
    )

    generator_class: ClassVar[type[nn.Module]]
    discriminator_class: ClassVar[type[nn.Module]]
    norms: ClassVar[dict[str, NormName]] = {"generator": "none", "discriminator": "none"}
    activations: ClassVar[dict[str, Activation]] = {"generator": "relu", "discriminator": "relu"}
    kind: ClassVar[Kind] = IMAGES
    equalized: ClassVar[bool] = False
    conditioned_on: ClassVar[str | None] = None
    conditioning: ClassVar[str | None] = None
    from_parent: ClassVar[Literal["weights", "samples"] | None] = None
    halved: ClassVar[tuple[str, ...]] = ()
    """Options that a stage has at half its parent's value: widths at the resolution that doubles."""
    smallest: ClassVar[int] = 4
    """The smallest resolution."""
    greatest: ClassVar[int | None] = None
    """The greatest, if there is one."""

    @abstractmethod
    def arguments(self, resolution: int, channels: int) -> dict[str, dict[str, Any]]:
        """Keyword arguments of both networks, by player."""

    def feature_count(self, resolution: int) -> int:
        """Number of intermediate features the discriminator returns."""
        return 0

    def condition_of(self, tensors: dict[str, Tensor]) -> Condition:
        """Assemble the condition that the networks take from its named tensors."""
        return None

    def check_parent(
        self, resolution: int | None, parent: "NetworkOptions", parent_resolution: int | None
    ) -> tuple[str, str] | None:
        """Return why this stage cannot start from that parent, as a key and a message; None if it can."""
        if parent_resolution is None or resolution != 2 * parent_resolution:
            return "resolution", (
                f"{resolution} is not twice the {parent_resolution} of its parent; use {2 * (parent_resolution or 2)}"
            )
        for key in type(self).model_fields:
            mine, theirs = getattr(self, key), getattr(parent, key, None)
            if key in self.halved and isinstance(theirs, int) and mine != theirs / 2:
                return f"network.{key}", (
                    f"{mine} is not half the {theirs} of its parent, whose layers it loads; use {theirs // 2}"
                    if theirs % 2 == 0
                    else f"the {theirs} of its parent cannot be halved; use an even one there"
                )
            if key not in self.halved and mine != theirs:
                return f"network.{key}", (
                    f"{mine} differs from the {theirs} of its parent, whose weights it loads; give all stages the same "
                    "network, or train the parent again"
                )
        return None

    def check_same(
        self, resolution: int | None, parent: "NetworkOptions", parent_resolution: int | None
    ) -> tuple[str, str] | None:
        """Return why this stage cannot go on with all weights of that parent, as a key and a message; None if it can."""
        if resolution != parent_resolution:
            return "resolution", f"{resolution} is not the {parent_resolution} of its parent, as transfer needs it"
        for key in type(self).model_fields:
            mine, theirs = getattr(self, key), getattr(parent, key, None)
            if mine != theirs:
                return (
                    f"network.{key}",
                    f"{mine} differs from the {theirs} of its parent, whose weights transfer takes over",
                )
        return None

    def hidden(self, activation: Activation | None) -> dict[str, HiddenPlan]:
        """What follows each player's hidden layers before a trick changes it; `activation` overrides the default one."""
        return {p: HiddenPlan(activation or self.activations[p], NORMS[norm]) for p, norm in self.norms.items()}

    @classmethod
    def places(cls) -> frozenset[str]:
        """Places in the networks that tricks may change, such as "discriminator.statistics"."""
        networks = {"generator": cls.generator_class, "discriminator": cls.discriminator_class}
        return frozenset(
            f"{p}.{name}" for p, network in networks.items() for name in inspect.signature(network).parameters
        )
