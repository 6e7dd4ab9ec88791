"""Fade-in of a new resolution: over the first `kimg` of a grown stage, the weight alpha of its new blocks rises 0 -> 1.

    generator:      image = lerp( double(old image), new image, alpha )
    discriminator:  features = lerp( fromRGB_old(halve(x)), new block(fromRGB_new(x)), alpha )
    reals:          x = lerp( double(halve(x)), x, alpha )

so that at alpha 0 the grown networks equal their parents, and reals lose exactly the detail that fakes lack.
Source: Karras et al., "Progressive Growing of GANs", section 2 and figure 2; reals as in the released `train.py`.
No effect in a stage that was not grown.
"""

from __future__ import annotations

from pydantic import Field, PrivateAttr
from torch import Tensor

from espalier.models.layers import double, halve
from espalier.stages.tricks.context import StepContext
from espalier.stages.tricks.parts import NetworkPlan, Networks, Setting, View
from espalier.stages.tricks.trick import Trick


class Fade(Trick):
    """Makes growing smooth."""

    name = "fade"
    _grows: bool = PrivateAttr(default=False)
    kimg: float = Field(default=600.0, gt=0, description="thousands of images until the new blocks have full weight")

    def wants(self) -> tuple[str, ...]:
        return ("generator.fades",)

    def check(self, setting: Setting) -> None:
        if setting.grows and setting.kimg < self.kimg:
            raise ValueError(
                f"kimg {setting.kimg:g} ends the stage before fade.kimg {self.kimg:g} has faded the new resolution in; "
                f"use kimg of at least {self.kimg:g}, or a shorter fade"
            )

    def alpha(self, images: int) -> float:
        """Weight of the new blocks after `images` images."""
        return min(images / max(round(self.kimg * 1000), 1), 1.0)

    def plan_networks(self, plan: NetworkPlan) -> None:
        self._grows = plan.grows
        plan.generator["fades"] = plan.discriminator["fades"] = plan.grows

    def before_step(self, networks: Networks, context: StepContext) -> None:
        if self._grows:
            alpha = self.alpha(context.images)
            networks.generator.alpha = networks.discriminator.alpha = networks.ema.alpha = alpha  # type: ignore[assignment]

    def discriminator_view(self, images: Tensor, view: View) -> Tensor:
        alpha = self.alpha(view.context.images)
        if view.real and self._grows and alpha < 1:
            return double(halve(images)).lerp(images, alpha)
        return images
