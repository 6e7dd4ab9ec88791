"""Exponential moving average of the generator's weights; the average is sampled and passed to the next stage.

    average <- beta average + (1 - beta) generator,   beta = 0.5^(images / half_life)

after each generator step, images being those shown since the step before. Source: Karras et al., "Progressive Growing of
GANs", section 5 (0.999 per step at a batch size of 16: a half-life of 11 kimg). Expressed as a half-life in images, so that it
is independent of the batch size; as in StyleGAN2-ADA at most `rampup` of the images seen so far, so that a short stage does not
average its own start.
"""

from copy import deepcopy

import torch
from pydantic import Field
from torch import Tensor

from espalier.stages.tricks.context import StepContext
from espalier.stages.tricks.parts import Networks
from espalier.stages.tricks.trick import Trick


class Ema(Trick):
    """Averages the generator's weights over time."""

    name = "ema"
    scheduled = ("half_life_kimg",)
    half_life_kimg: float = Field(
        default=10.0, ge=0, description="half-life of a weight, in thousands of images; 0: no average"
    )
    rampup: float | None = Field(
        default=0.05, gt=0, description="limit of the half-life, as a share of the images seen so far; null: none"
    )

    def change_networks(self, networks: Networks) -> None:
        networks.ema = deepcopy(networks.generator).requires_grad_(False)

    def beta(self, context: StepContext) -> float:
        """The average's weight in the update after this step."""
        half_life = self.half_life_kimg * 1000
        if self.rampup is not None:
            half_life = min(half_life, (context.images + context.batch) * self.rampup)
        return float(0.5 ** (context.turns * context.batch / half_life)) if half_life else 0.0

    @torch.no_grad()
    def after_generator_step(self, networks: Networks, context: StepContext) -> None:
        average: list[Tensor] = list(networks.ema.parameters())
        current: list[Tensor] = list(networks.generator.parameters())
        torch._foreach_lerp_(average, current, 1 - self.beta(context))
        for kept, live in zip(networks.ema.buffers(), networks.generator.buffers(), strict=True):
            kept.copy_(live)
