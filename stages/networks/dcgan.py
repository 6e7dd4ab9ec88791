"""Options of DCGAN's networks."""

from typing import Any, Literal

from pydantic import Field

from espalier.models import dcgan
from espalier.models.hidden import Activation
from espalier.models.progan import resolutions
from espalier.models.resizing import Up
from espalier.stages.networks.network import NetworkOptions


class Dcgan(NetworkOptions):
    """DCGAN; see `models/dcgan.py`. When it grows, each stage has half its parent's widths: shared layers keep their size."""

    name: Literal["dcgan"] = "dcgan"
    latent: int = Field(default=100, ge=1, description="length of the latent")
    generator_width: int = Field(
        default=64, ge=1, description="feature maps at full resolution, doubled at each lower one"
    )
    discriminator_width: int = Field(
        default=64, ge=1, description="feature maps at half resolution, doubled at each lower one"
    )
    largest: int = Field(default=512, ge=1, description="maximum number of feature maps")
    kernel: Literal[3, 4, 5] = Field(default=4, description="kernel size of the resizing convolutions")
    up: Up = Field(default="transposed", description="upsampling in the generator")
    initial: dcgan.Initial = Field(default="normal", description="N(0, 0.02), or PyTorch's uniform default")
    norm_first_layer: bool = Field(default=False, description="also normalise the discriminator's first layer")
    activation: Activation | None = Field(default=None, description="in both networks; default: relu and leaky_relu")

    generator_class = dcgan.Generator
    discriminator_class = dcgan.Discriminator
    norms = {"generator": "batch", "discriminator": "batch"}
    activations = {"generator": "relu", "discriminator": "leaky_relu"}
    smallest = 8
    from_parent = "weights"
    halved = ("generator_width", "discriminator_width")

    def arguments(self, resolution: int, channels: int) -> dict[str, dict[str, Any]]:
        common = {
            "resolution": resolution, "channels": channels, "largest": self.largest, "kernel": self.kernel,
            "initial": self.initial,
        }  # fmt: skip
        hidden = self.hidden(self.activation)
        return {
            "generator": {
                **common, "latent": self.latent, "width": self.generator_width, "up": self.up, "hidden": hidden["generator"]
            },
            "discriminator": {
                **common, "width": self.discriminator_width, "norm_first_layer": self.norm_first_layer,
                "hidden": hidden["discriminator"],
            },
        }  # fmt: skip

    def feature_count(self, resolution: int) -> int:
        return len(resolutions(resolution))
