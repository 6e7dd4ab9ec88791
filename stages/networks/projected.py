"""Options of Projected GAN's networks: FastGAN's light generator against heads on frozen ImageNet features."""

from typing import Any, Literal

from pydantic import Field, field_validator
from torch import Tensor

from espalier.models import fastgan, projected
from espalier.models.efficientnet import TAPS
from espalier.stages.features.imagenet import SHA256, imagenet_network
from espalier.stages.networks.network import NetworkOptions


def imagenet_taps(images: Tensor) -> list[Tensor]:
    """EfficientNet-Lite0's features; loaded on first use.

    Raises:
        InputError: its packages are not installed, or its weights are damaged.
    """
    return imagenet_network(images.device).taps(images)


class Projected(NetworkOptions):
    """Projected GAN's networks; see `models/projected.py` and `models/fastgan.py`. ImageNet's features are then no judge of the
    generator."""

    name: Literal["projected"] = "projected"
    latent: int = Field(default=256, ge=1, description="length of the latent")
    width: int = Field(
        default=128, ge=1, description="feature maps of the generator at 128x128; 16 times as many at 4x4"
    )
    largest: int = Field(default=512, ge=1, description="maximum number of feature maps in a head")
    side: int = Field(
        default=96, ge=64, le=224, description="smaller images are enlarged to this side for the features"
    )
    features: Literal["imagenet"] = "imagenet"
    digest: str = Field(default=SHA256, description="of the frozen weights, which are no part of the artifact")

    generator_class = fastgan.Generator
    discriminator_class = projected.Discriminator
    norms = {"generator": "batch", "discriminator": "batch"}
    activations = {"generator": "relu", "discriminator": "leaky_relu"}
    smallest = 8
    greatest = max(fastgan.SHARES)

    @field_validator("digest")
    @classmethod
    def _of_these_weights(cls, digest: str) -> str:
        if digest != SHA256:
            raise ValueError(f"the weights that this version knows have the digest {SHA256[:8]}...; leave it out")
        return digest

    @field_validator("side")
    @classmethod
    def _divides(cls, side: int) -> int:
        if side % 32:
            raise ValueError(f"{side} is not a multiple of 32; use {round(side / 32) * 32}")
        return side

    def arguments(self, resolution: int, channels: int) -> dict[str, dict[str, Any]]:
        hidden = self.hidden(None)["discriminator"]
        heads = {"resolution": resolution, "side": self.side, "largest": self.largest, "hidden": hidden}
        features = {"taps": imagenet_taps, "widths": list(TAPS.values())}
        generator = {"resolution": resolution, "channels": channels, "latent": self.latent, "width": self.width}
        return {"generator": generator, "discriminator": {**heads, **features}}

    def feature_count(self, resolution: int) -> int:
        return 4
