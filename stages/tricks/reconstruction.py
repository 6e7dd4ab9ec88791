"""Reconstruction: the fake made for a picture's own sentence and map should be that picture.

    generator: weight * mean |fake - real|                 of pictures
    generator: weight * CE(class of real | logits)         of maps, mean over places

Source: Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks" (pix2pix), equation 3, weight 100; in
FashionGAN's released code 100 for both of its stages (its paper does not name it).
"""

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from espalier.stages.tricks.step import Step
from espalier.stages.tricks.trick import Term


class Reconstruction(Term):
    """For networks that are told what they should make, where each real has a fake of its own."""

    name = "reconstruction"
    weight: float = Field(default=100.0, ge=0)

    def wants(self) -> tuple[str, ...]:
        return ("discriminator.code",)

    def generator_term(self, step: Step) -> Tensor:
        if getattr(step.networks.generator, "makes_maps", False):
            return F.cross_entropy(step.fake, step.real.argmax(dim=1))
        return (step.fake - step.real).abs().mean()
