"""Options of R3GAN's networks."""

from typing import Any, Literal

from pydantic import Field

from espalier.models import r3gan
from espalier.models.progan import resolutions
from espalier.stages.networks.network import NetworkOptions


class R3gan(NetworkOptions):
    """R3GAN's networks; see `models/r3gan.py`. The defaults are the full size of the release's FFHQ presets."""

    name: Literal["r3gan"] = "r3gan"
    latent: int = Field(default=64, ge=1, description="length of the latent")
    base: int = Field(default=12288, ge=8, description="feature maps at R x R: min(2 base / R, largest)")
    largest: int = Field(default=768, ge=1, description="maximum number of feature maps")
    blocks: int = Field(default=2, ge=1, description="residual blocks at each resolution")
    group_size: int = Field(default=16, ge=1, description="channels of a group of the 3x3 convolutions")

    generator_class = r3gan.Generator
    discriminator_class = r3gan.Discriminator
    from_parent = "weights"

    def arguments(self, resolution: int, channels: int) -> dict[str, dict[str, Any]]:
        sizes = {key: getattr(self, key) for key in ("base", "largest", "blocks", "group_size")}
        common = {"resolution": resolution, "channels": channels, **sizes}
        return {"generator": {**common, "latent": self.latent}, "discriminator": common.copy()}

    def feature_count(self, resolution: int) -> int:
        return len(resolutions(resolution)) + 1
