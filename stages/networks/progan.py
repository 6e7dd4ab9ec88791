"""Options of ProGAN's networks."""

from typing import Any, Literal

from pydantic import Field

from espalier.models import progan
from espalier.models.progan import resolutions
from espalier.stages.networks.network import NetworkOptions


class Progan(NetworkOptions):
    """ProGAN's networks; see `models/progan.py`. The defaults are the paper's full size."""

    name: Literal["progan"] = "progan"
    latent: int = Field(default=512, ge=1, description="length of the latent")
    base: int = Field(default=8192, ge=8, description="feature maps at R x R: min(2 base / R, largest)")
    largest: int = Field(default=512, ge=1, description="maximum number of feature maps")
    down_order: progan.DownOrder = "pool_first"

    generator_class = progan.Generator
    discriminator_class = progan.Discriminator
    norms = {"generator": "pixel", "discriminator": "none"}
    equalized = True
    from_parent = "weights"

    def arguments(self, resolution: int, channels: int) -> dict[str, dict[str, Any]]:
        common = {"resolution": resolution, "channels": channels, "base": self.base, "largest": self.largest}
        hidden = progan.hidden_plans()
        return {
            "generator": {**common, "latent": self.latent, "hidden": hidden["generator"]},
            "discriminator": {**common, "down_order": self.down_order, "hidden": hidden["discriminator"]},
        }

    def feature_count(self, resolution: int) -> int:
        return len(resolutions(resolution))
