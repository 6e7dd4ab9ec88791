"""Options of dense networks for points."""

from typing import Any, Literal

from pydantic import Field

from espalier.models import mlp
from espalier.models.hidden import Activation
from espalier.models.mlp import Initial
from espalier.stages.networks.network import POINTS, NetworkOptions


class Mlp(NetworkOptions):
    """Dense networks for points; see `models/mlp.py`. The defaults are PacGAN's, without batch norm and maxout."""

    name: Literal["mlp"] = "mlp"
    latent: int = Field(default=2, ge=1, description="length of the latent")
    generator_width: int = Field(default=400, ge=1, description="units in each hidden layer of the generator")
    generator_depth: int = Field(default=4, ge=1, description="hidden layers of the generator")
    discriminator_width: int = Field(default=200, ge=1, description="units in each hidden layer of the discriminator")
    discriminator_depth: int = Field(default=3, ge=1, description="hidden layers of the discriminator")
    maxout: int = Field(default=0, ge=0, description="pieces of the discriminator's maxout layers; 0 for no maxout")
    initial: Initial = Field(
        default="he", description="He uniform, N(0, 0.02), orthogonal of gain 1.4, or PyTorch's uniform"
    )
    activation: Activation | None = Field(default=None, description="in both networks; default: relu")

    generator_class = mlp.Generator
    discriminator_class = mlp.Discriminator
    kind = POINTS

    def arguments(self, resolution: int, channels: int) -> dict[str, dict[str, Any]]:
        common, hidden = {"channels": channels, "initial": self.initial}, self.hidden(self.activation)
        return {
            "generator": {
                **common, "latent": self.latent, "width": self.generator_width, "depth": self.generator_depth,
                "hidden": hidden["generator"],
            },
            "discriminator": {
                **common, "width": self.discriminator_width, "depth": self.discriminator_depth, "maxout": self.maxout,
                "hidden": hidden["discriminator"],
            },
        }  # fmt: skip

    def feature_count(self, resolution: int) -> int:
        return self.discriminator_depth + 1
