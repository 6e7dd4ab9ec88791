"""Options of StyleGAN2's networks."""

from typing import Any, Literal

from pydantic import Field, model_validator

from espalier.models import stylegan2
from espalier.models.progan import resolutions
from espalier.stages.networks.network import NetworkOptions


class Stylegan2(NetworkOptions):
    """StyleGAN2's networks; see `models/stylegan2.py`. The defaults are the release's "auto" below 512x512."""

    name: Literal["stylegan2"] = "stylegan2"
    latent: int = Field(default=512, ge=1, description="length of the latent")
    base: int = Field(default=8192, ge=8, description="feature maps at R x R: min(2 base / R, largest)")
    largest: int = Field(default=512, ge=1, description="maximum number of feature maps")
    style: int = Field(default=512, ge=1, description="length of a style")
    mapping_layers: int = Field(default=2, ge=1, description="dense layers from latent to style; 8 in the paper")
    mixing: float = Field(
        default=0.9, ge=0, le=1, description="share of batches in which later layers have other styles"
    )

    @model_validator(mode="after")
    def _mixes_its_own_latents(self) -> "Stylegan2":
        if self.mixing and self.prior != "normal":
            raise ValueError("mixing draws other latents from N(0, 1); use prior: normal, or mixing: 0")
        return self

    generator_class = stylegan2.Generator
    discriminator_class = stylegan2.Discriminator
    equalized = True
    from_parent = "weights"

    def arguments(self, resolution: int, channels: int) -> dict[str, dict[str, Any]]:
        common = {"resolution": resolution, "channels": channels, "base": self.base, "largest": self.largest}
        styles = {key: getattr(self, key) for key in ("latent", "style", "mapping_layers", "mixing")}
        return {"generator": {**common, **styles}, "discriminator": common.copy()}

    def feature_count(self, resolution: int) -> int:
        return len(resolutions(resolution))
