"""FashionGAN's two kinds of networks, each in the variant of the released code and in that of the paper."""

from typing import Any, Literal

from pydantic import Field
from torch import Tensor

from espalier.models.fashiongan import image as fashion_image
from espalier.models.fashiongan import shape as fashion_shape
from espalier.models.fashiongan.told import SentenceAndMap
from espalier.stages.contracts.condition import Condition
from espalier.stages.contracts.kind import Kind
from espalier.stages.fashiongan.kinds import DressedImages, DressedMaps
from espalier.stages.networks.network import NetworkOptions

Variant = Literal["released", "paper"]
LATENT: dict[Variant, int] = {"released": 80, "paper": 100}
TEXT: dict[Variant, int] = {"released": 20, "paper": 0}
MapForm = Literal["coarse4", "coarse7", "full"]
"""How a map is given beside a sentence: as shares in 8x8 places, of 4 merged classes or of all 7; or whole."""

HUMAN: dict[Variant, int] = {"released": 0, "paper": 10}


class Fashion(NetworkOptions):
    """What both stages are told: a sentence's code, and in the paper's variant the person's ten attributes before it.

    `code` is the length of the sentence encoder's code: 100 as released; the paper's is 40, for a code of 50 in all.
    """

    variant: Variant = Field(default="released", description="as in the released code, or as in the paper")
    latent: int = Field(default=80, ge=1, description="length of the latent; the paper's is 100")
    width: int = Field(default=64, ge=2, description="feature maps at 64x64; published 64")
    code: int = Field(default=100, ge=1, description="length of a sentence's code, as its encoder's `width` says")

    norms = {"generator": "batch", "discriminator": "batch"}
    activations = {"generator": "relu", "discriminator": "leaky_relu"}
    smallest = 32
    conditioned_on = "sentences"
    conditioning = "espalier.stages.fashiongan.handover.conditioning_of"

    def condition_of(self, tensors: dict[str, Tensor]) -> Condition:
        return SentenceAndMap(**tensors)

    @property
    def map_form(self) -> MapForm:
        """How a map is given beside the sentence."""
        raise NotImplementedError

    @property
    def human(self) -> int:
        """How many attributes of the person are told."""
        return HUMAN[self.variant]

    def _common(self, resolution: int) -> dict[str, Any]:
        return {
            "resolution": resolution, "width": self.width, "code": self.code + self.human, "text": TEXT[self.variant]
        }  # fmt: skip


class FashionShape(Fashion):
    """FashionGAN's first stage, a sentence and a coarse body to a map; see `models/fashiongan/shape.py`."""

    name: Literal["fashion_shape"] = "fashion_shape"
    real_logit: float = Field(
        default=1.0,
        gt=0,
        description="a real map's logits are so much times one-hot; released 1, at 10 a softmax leaves it sharp",
    )

    generator_class = fashion_shape.Generator
    discriminator_class = fashion_shape.Discriminator
    kind = DressedMaps()

    def learned_kind(self) -> Kind:
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
    """FashionGAN's second stage, a sentence and a map to a picture; see `models/fashiongan/image.py`."""

    name: Literal["fashion_image"] = "fashion_image"
    body: fashion_image.Body = Field(default="unet", description="generator: released ih1_skip, or ih1 (encoder)")
    judge: fashion_image.Judge = Field(
        default="patch", description="discriminator: released ih1_skip's, or ih1's (whole)"
    )
    map: fashion_image.View | None = Field(
        default=None,
        description="how the map is told; default colours (released) or classes (paper); coarse7, coarse4: a one-step GAN",
    )
    composed: bool | None = Field(
        default=None, description="one picture a class, composed; without it as the variant has it"
    )
    dropout: float = Field(default=0.5, ge=0, lt=1, description="in the U-Net's first layers up, in training")

    kind = DressedImages()
    from_parent = "samples"
    generator_class = fashion_image.Generator
    discriminator_class = fashion_image.Discriminator

    @property
    def view(self) -> fashion_image.View:
        """How the map is told."""
        return self.map or ("colours" if self.variant == "released" else "classes")

    @property
    def composes(self) -> bool:
        """Whether the generator composes a picture of each class."""
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
        discriminator = {"pictures": channels, "judge": self.judge, "hidden": hidden["discriminator"]}
        return {"generator": {**common, **generator}, "discriminator": {**common, **discriminator}}

    def feature_count(self, resolution: int) -> int:
        return 4 if self.judge == "patch" else 2
