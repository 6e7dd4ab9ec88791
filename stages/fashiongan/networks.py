"""FashionGAN's shape and image networks, each in two variants: the released code's and the paper's."""

from typing import Any, Literal

from pydantic import Field
from torch import Tensor

from espalier.models.fashiongan import image as fashion_image
from espalier.models.fashiongan import shape as fashion_shape
from espalier.models.fashiongan.condition import SentenceAndMap
from espalier.stages.contracts.condition import Condition
from espalier.stages.contracts.kind import Kind
from espalier.stages.fashiongan.kinds import DressedImages, DressedMaps
from espalier.stages.networks.network import NetworkOptions

Variant = Literal["released", "paper"]
TEXT: dict[Variant, int] = {"released": 20, "paper": 0}
MapForm = Literal["coarse4", "coarse7", "full"]
"""Form of the input map: class shares in an 8x8 grid, for 4 merged classes or all 7; or at full resolution."""

HUMAN: dict[Variant, int] = {"released": 0, "paper": 10}


class Fashion(NetworkOptions):
    """Options of both stages. They are conditioned on a sentence code; the paper's variant prepends ten person attributes.

    `code` is the length of the sentence encoder's code: 100 as released; 40 in the paper, for a total of 50.
    """

    variant: Variant = Field(default="released", description="architecture of the released code or of the paper")
    latent: int = Field(default=80, ge=1, description="latent dimension; 100 in the paper")
    width: int = Field(default=64, ge=2, description="feature maps at 64x64; published 64")
    code: int = Field(default=100, ge=1, description="length of a sentence code; must equal the encoder's `width`")

    norms = {"generator": "batch", "discriminator": "batch"}
    activations = {"generator": "relu", "discriminator": "leaky_relu"}
    smallest = 32
    conditioned_on = "sentences"
    conditioning = "espalier.stages.fashiongan.handover.conditioning_of"

    def condition_of(self, tensors: dict[str, Tensor]) -> Condition:
        return SentenceAndMap(**tensors)

    @property
    def map_form(self) -> MapForm:
        """Form of the input map."""
        raise NotImplementedError

    @property
    def human(self) -> int:
        """Number of person attributes in the condition."""
        return HUMAN[self.variant]

    def _common(self, resolution: int) -> dict[str, Any]:
        return {
            "resolution": resolution, "width": self.width, "code": self.code + self.human, "text": TEXT[self.variant]
        }  # fmt: skip


class FashionShape(Fashion):
    """FashionGAN's first stage: sentence and coarse map -> segmentation map; see `models/fashiongan/shape.py`."""

    name: Literal["fashion_shape"] = "fashion_shape"
    real_logit: float = Field(
        default=1.0,
        gt=0,
        description="scale of a real map's one-hot logits; released 1; at 10 the map stays sharp after a softmax",
    )

    generator_class = fashion_shape.Generator
    discriminator_class = fashion_shape.Discriminator

    @property
    def kind(self) -> Kind:  # type: ignore[override]
        return DressedMaps(self.real_logit)

    @property
    def map_form(self) -> MapForm:
        return "coarse4"

    def arguments(self, resolution: int, channels: int) -> dict[str, dict[str, Any]]:
        common, hidden = self._common(resolution), self.hidden(None)
        return {
            "generator": {**common, "latent": self.latent, "hidden": hidden["generator"]},
            "discriminator": {**common, "hidden": hidden["discriminator"]},
        }

    def feature_count(self, resolution: int) -> int:
        return resolution.bit_length() - 4


class FashionImage(Fashion):
    """FashionGAN's second stage: sentence and segmentation map -> image; see `models/fashiongan/image.py`."""

    name: Literal["fashion_image"] = "fashion_image"
    body: fashion_image.Body = Field(default="unet", description="generator: unet (released ih1_skip) or encoder (ih1)")
    logits: fashion_image.Logits = Field(
        default="patch", description="of the discriminator: patch (released ih1_skip's) or whole (ih1's)"
    )
    map: fashion_image.View | None = Field(
        default=None,
        description="form of the input map; default colours (released) or classes (paper); coarse7, coarse4: one-step GAN",
    )
    composed: bool | None = Field(
        default=None, description="generate one image per class and compose them; default: as in the variant"
    )
    dropout: float = Field(
        default=0.5, ge=0, lt=1, description="dropout in the U-Net's first upsampling layers, during training"
    )

    kind = DressedImages()
    from_parent = "samples"
    generator_class = fashion_image.Generator
    discriminator_class = fashion_image.Discriminator

    @property
    def view(self) -> fashion_image.View:
        """Form of the input map, resolved from the variant if unset."""
        return self.map or ("colours" if self.variant == "released" else "classes")

    @property
    def composes(self) -> bool:
        """Whether the generator composes one image per class."""
        return self.variant == "paper" if self.composed is None else self.composed

    @property
    def map_form(self) -> MapForm:
        if self.view == "coarse4":
            return "coarse4"
        return "coarse7" if self.view == "coarse7" else "full"

    def check_parent(
        self, resolution: int | None, parent: NetworkOptions, parent_resolution: int | None
    ) -> tuple[str, str] | None:
        if not isinstance(parent, FashionShape):
            return "after", (
                f"it has the network {parent.name}, which makes no maps; use a stage with the network fashion_shape, or the "
                "pipeline's dataset"
            )
        if resolution != parent_resolution:
            return "resolution", (
                f"{resolution} differs from the {parent_resolution} of its parent, whose maps it learns on; give both stages the "
                "same"
            )
        return None

    def arguments(self, resolution: int, channels: int) -> dict[str, dict[str, Any]]:
        common, hidden = {**self._common(resolution), "view": self.view}, self.hidden(None)
        generator = {
            "latent": self.latent, "channels": channels, "body": self.body, "compose": self.composes,
            "dropout": self.dropout, "hidden": hidden["generator"],
        }  # fmt: skip
        discriminator = {"images": channels, "logits": self.logits, "hidden": hidden["discriminator"]}
        return {"generator": {**common, **generator}, "discriminator": {**common, **discriminator}}

    def feature_count(self, resolution: int) -> int:
        return 4 if self.logits == "patch" else 2
