"""Reconstruction: the fake generated from an image's own sentence and map should equal that image.

    generator: weight * mean |fake - real|                 for images
    generator: weight * CE(class of real | logits)         for maps, mean over pixels

Source: Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks" (pix2pix), equation 3, weight 100; in
FashionGAN's released code 100 for both stages (its paper does not mention it).
"""

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from espalier.stages.tricks.parts import Setting
from espalier.stages.tricks.step import Step
from espalier.stages.tricks.trick import Term


class Reconstruction(Term):
    """For conditional networks, where each real has a corresponding fake."""

    name = "reconstruction"
    weight: float = Field(default=100.0, ge=0)

    def check(self, setting: Setting) -> None:
        if setting.conditioned_on is None and not setting.own_conditioning:
            raise ValueError(
                f"tricks.reconstruction cannot be used in network {setting.network}, which is conditioned on nothing that "
                "tells one image from another; use a conditioning of your own, or fashion_shape or fashion_image"
            )

    def generator_term(self, step: Step) -> Tensor:
        if getattr(step.networks.generator, "makes_maps", False):
            return F.cross_entropy(step.fake, step.real.argmax(dim=1))
        return (step.fake - step.real).abs().mean()
