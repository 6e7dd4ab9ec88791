"""The kinds of networks a stage can train: their options, and what tricks find a place for in each."""

from typing import Annotated, Any, Literal

from pydantic import Field

from espalier.models import dcgan, mlp, progan, resnet, toys
from espalier.models.hidden import Activation
from espalier.models.mlp import Initial
from espalier.models.progan import resolutions
from espalier.models.resizing import Up
from espalier.models.resnet import SMALLEST_DOWN
from espalier.stages.fashiongan.networks import FashionImage, FashionShape
from espalier.stages.networks.network import Backbone


class Progan(Backbone):
    """ProGAN's networks, the only ones that grow; see `models/progan.py`. The defaults are the paper's full size."""

    name: Literal["progan"] = "progan"
    latent: int = Field(default=512, ge=1, description="length of the latent")
    base: int = Field(default=8192, ge=8, description="feature maps at R x R are min(2 base / R, largest)")
    largest: int = Field(default=512, ge=1, description="most feature maps anywhere")
    down_order: progan.DownOrder = "pool_first"

    generator_class = progan.Generator
    discriminator_class = progan.Discriminator
    norms = {"generator": "pixel", "discriminator": "none"}
    equalized = True

    def arguments(self, resolution: int, channels: int) -> dict[str, dict[str, Any]]:
        common = {"resolution": resolution, "channels": channels, "base": self.base, "largest": self.largest}
        hidden = progan.hidden_plans()
        return {
            "generator": {**common, "latent": self.latent, "hidden": hidden["generator"]},
            "discriminator": {**common, "down_order": self.down_order, "hidden": hidden["discriminator"]},
        }

    def features(self, resolution: int) -> int:
        return len(resolutions(resolution))


class Dcgan(Backbone):
    """DCGAN; see `models/dcgan.py`."""

    name: Literal["dcgan"] = "dcgan"
    latent: int = Field(default=100, ge=1, description="length of the latent")
    generator_width: int = Field(default=64, ge=1, description="feature maps at full size, doubled at each size below")
    discriminator_width: int = Field(default=64, ge=1, description="feature maps at half size, doubled likewise")
    largest: int = Field(default=512, ge=1, description="most feature maps anywhere")
    kernel: Literal[3, 4, 5] = Field(default=4, description="side of the resizing convolutions")
    up: Up = Field(default="transposed", description="how the generator doubles the size")
    initial: dcgan.Initial = Field(default="normal", description="weights from N(0, 0.02), or PyTorch's uniform ones")
    norm_first_layer: bool = Field(default=False, description="norm the discriminator's first layer, too")
    activation: Activation | None = Field(default=None, description="in both networks; default relu and leaky_relu")

    generator_class = dcgan.Generator
    discriminator_class = dcgan.Discriminator
    norms = {"generator": "batch", "discriminator": "batch"}
    activations = {"generator": "relu", "discriminator": "leaky_relu"}
    smallest = 8

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

    def features(self, resolution: int) -> int:
        return len(resolutions(resolution))


class Resnet(Backbone):
    """The residual networks of SNGAN and SAGAN; see `models/resnet.py`."""

    name: Literal["resnet"] = "resnet"
    generator_width: int = Field(default=256, ge=1, description="feature maps everywhere in the generator")
    discriminator_width: int = Field(default=128, ge=1, description="feature maps everywhere in the discriminator")
    up: Up = Field(default="nearest", description="how the generator doubles the size")
    activation: Activation | None = Field(default=None, description="in both networks; default relu")

    generator_class = resnet.Generator
    discriminator_class = resnet.Discriminator
    norms = {"generator": "batch", "discriminator": "none"}
    smallest = 8

    def arguments(self, resolution: int, channels: int) -> dict[str, dict[str, Any]]:
        common, hidden = {"resolution": resolution, "channels": channels}, self.hidden(self.activation)
        generator = {"latent": self.latent, "width": self.generator_width, "up": self.up, "hidden": hidden["generator"]}
        discriminator = {"width": self.discriminator_width, "hidden": hidden["discriminator"]}
        return {"generator": {**common, **generator}, "discriminator": {**common, **discriminator}}

    def features(self, resolution: int) -> int:
        halvings = max(1, (resolution // SMALLEST_DOWN).bit_length() - 1)
        return halvings + 3


class Mlp(Backbone):
    """Dense networks for points; see `models/mlp.py`. The defaults are PacGAN's, but for batch norm and maxout."""

    name: Literal["mlp"] = "mlp"
    latent: int = Field(default=2, ge=1, description="length of the latent")
    generator_width: int = Field(default=400, ge=1, description="units in each hidden layer of the generator")
    generator_depth: int = Field(default=4, ge=1, description="hidden layers of the generator")
    discriminator_width: int = Field(default=200, ge=1, description="units in each hidden layer of the discriminator")
    discriminator_depth: int = Field(default=3, ge=1, description="hidden layers of the discriminator")
    maxout: int = Field(default=0, ge=0, description="pieces of the discriminator's maxout layers; 0: no maxout")
    initial: Initial = Field(
        default="he", description="He uniform, N(0, 0.02), orthogonal of gain 1.4, or PyTorch's uniform"
    )
    activation: Activation | None = Field(default=None, description="in both networks; default relu")

    generator_class = mlp.Generator
    discriminator_class = mlp.Discriminator
    makes = "points"
    figures = ("modes", "hq_share", "reverse_kl")

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

    def features(self, resolution: int) -> int:
        return self.discriminator_depth + 1


class Toy(Backbone):
    """One number a player; see `models/toys.py`."""

    latent: Literal[1] = 1
    makes = "points"
    figures = ("distance",)

    def arguments(self, resolution: int, channels: int) -> dict[str, dict[str, Any]]:
        return {"generator": {}, "discriminator": {}}

    def features(self, resolution: int) -> int:
        return 1


class Dirac(Toy):
    """Dirac-GAN: the generator is theta, the discriminator psi x, the data 0."""

    name: Literal["dirac"] = "dirac"
    generator_class = toys.DiracGenerator
    discriminator_class = toys.DiracDiscriminator


class Saddle(Toy):
    """The saddle (1 + x^2)(100 - y^2) of the TTUR paper's toy."""

    name: Literal["saddle"] = "saddle"
    generator_class = toys.SaddleGenerator
    discriminator_class = toys.SaddleDiscriminator


BACKBONES: dict[str, type[Backbone]] = {
    "progan": Progan, "dcgan": Dcgan, "resnet": Resnet, "mlp": Mlp, "dirac": Dirac, "saddle": Saddle,
    "fashion_shape": FashionShape, "fashion_image": FashionImage,
}  # fmt: skip
AnyBackbone = Annotated[
    Progan | Dcgan | Resnet | Mlp | Dirac | Saddle | FashionShape | FashionImage, Field(discriminator="name")
]
"""What `network` may be, chosen by its `name`."""


def with_place(place: str) -> list[str]:
    """The backbones that have a place for what a trick changes, such as "generator.attention"."""
    return [name for name, backbone in BACKBONES.items() if place in backbone.places()]
