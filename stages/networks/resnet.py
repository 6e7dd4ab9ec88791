"""Options of the residual networks of SNGAN and SAGAN."""

from typing import Any, Literal

from pydantic import Field

from espalier.models import resnet
from espalier.models.hidden import Activation
from espalier.models.resizing import Up
from espalier.models.resnet import SMALLEST_DOWN
from espalier.stages.networks.network import NetworkOptions


class Resnet(NetworkOptions):
    """The residual networks of SNGAN and SAGAN; see `models/resnet.py`. They grow from 16 up."""

    name: Literal["resnet"] = "resnet"
    generator_width: int = Field(default=256, ge=1, description="feature maps in all layers of the generator")
    discriminator_width: int = Field(default=128, ge=1, description="feature maps in all layers of the discriminator")
    up: Up = Field(default="nearest", description="upsampling in the generator")
    activation: Activation | None = Field(default=None, description="in both networks; default: relu")

    generator_class = resnet.Generator
    discriminator_class = resnet.Discriminator
    norms = {"generator": "batch", "discriminator": "none"}
    smallest = 8
    from_parent = "weights"

    def check_parent(
        self, resolution: int | None, parent: NetworkOptions, parent_resolution: int | None
    ) -> tuple[str, str] | None:
        if parent_resolution == SMALLEST_DOWN:
            return "after", (
                f"its discriminator has no block between {SMALLEST_DOWN} and {2 * SMALLEST_DOWN}; start the chain at "
                f"{2 * SMALLEST_DOWN}"
            )
        return super().check_parent(resolution, parent, parent_resolution)

    def arguments(self, resolution: int, channels: int) -> dict[str, dict[str, Any]]:
        common, hidden = {"resolution": resolution, "channels": channels}, self.hidden(self.activation)
        generator = {"latent": self.latent, "width": self.generator_width, "up": self.up, "hidden": hidden["generator"]}
        discriminator = {"width": self.discriminator_width, "hidden": hidden["discriminator"]}
        return {"generator": {**common, **generator}, "discriminator": {**common, **discriminator}}

    def feature_count(self, resolution: int) -> int:
        halvings = max(1, (resolution // SMALLEST_DOWN).bit_length() - 1)
        return halvings + 3
