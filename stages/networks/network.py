"""What all kinds of networks have in common: options, and what tricks find a place for in them."""

import inspect
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from espalier.models.hidden import Activation, HiddenPlan
from espalier.models.norms import NORMS, NormName

Telling = Literal["coarse4", "coarse7", "full"]
"""How a map is told beside a sentence: as shares in 8x8 places, of 4 merged classes or of all 7; or whole."""

Makes = Literal["pictures", "points", "maps"]


class Backbone(BaseModel):
    """What all kinds have: a latent, and two networks built from keyword arguments that tricks may change.

    `norms` and `activations`: what follows hidden layers before a trick changes it. `makes`: what its generator makes, and
    its discriminator judges. `equalized`: weights are stored as N(0, 1) and scaled at run time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    latent: int = Field(default=128, ge=1, description="length of the latent")
    prior: Literal["normal", "uniform"] = Field(default="normal", description="latents from N(0, 1), or from U(-1, 1)")

    generator_class: ClassVar[type[nn.Module]]
    discriminator_class: ClassVar[type[nn.Module]]
    norms: ClassVar[dict[str, NormName]] = {"generator": "none", "discriminator": "none"}
    activations: ClassVar[dict[str, Activation]] = {"generator": "relu", "discriminator": "relu"}
    makes: ClassVar[Makes] = "pictures"
    equalized: ClassVar[bool] = False
    smallest: ClassVar[int] = 4
    """The smallest resolution."""
    figures: ClassVar[tuple[str, ...]] = ()
    """Final figures that only these networks have."""

    def arguments(self, resolution: int, channels: int) -> dict[str, dict[str, Any]]:
        """Keyword arguments of both networks, by player."""
        raise NotImplementedError

    @property
    def telling(self) -> Telling | None:
        """What map the networks are told beside a sentence; None where they are told neither."""
        return None

    def features(self, resolution: int) -> int:
        """How many features the discriminator gives."""
        raise NotImplementedError

    def hidden(self, activation: Activation | None) -> dict[str, HiddenPlan]:
        """What follows each player's hidden layers before a trick changes it; the activation, unless one is chosen."""
        return {p: HiddenPlan(activation or self.activations[p], NORMS[norm]) for p, norm in self.norms.items()}

    @classmethod
    def places(cls) -> frozenset[str]:
        """What tricks may change in the networks, such as "discriminator.statistics"."""
        networks = {"generator": cls.generator_class, "discriminator": cls.discriminator_class}
        return frozenset(
            f"{p}.{name}" for p, network in networks.items() for name in inspect.signature(network).parameters
        )
