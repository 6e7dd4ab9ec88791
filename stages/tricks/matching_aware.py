"""Matching-aware discriminator: a real image with a mismatched sentence counts as a fake, too.

    discriminator: weight * F(D(x, s_wrong)),   F: the part of the chosen loss on fakes

so that D judges whether sentence and image match, and not the image alone. Source: Reed et al., "Generative
Adversarial Text to Image Synthesis", algorithm 1 (GAN-CLS, weight 1/2 for both kinds of fakes); in FashionGAN's released
code, where the weight is 1 (its .9 and .1 apply to the printed losses only). There an image is shown with its own map and
the sentence of a random other image; here with that of the next image in the batch, which is random, too.
"""

from __future__ import annotations

from torch import Tensor

from espalier.models import processes
from espalier.models.fashiongan.condition import SentenceAndMap
from espalier.stages.tricks.parts import Setting
from espalier.stages.tricks.step import Step
from espalier.stages.tricks.trick import Term


class MatchingAware(Term):
    """Penalises the generator for images that do not match their sentence."""

    name = "matching_aware"

    def whole_batch(self) -> str | None:
        return "wrong conditions are taken from the whole batch"

    def wants(self) -> tuple[str, ...]:
        return ("discriminator.code",)

    def check(self, setting: Setting) -> None:
        if setting.batch_size < 2:
            raise ValueError("the mismatched sentence comes from the same batch; use a batch_size of 2 or more")

    def discriminator_term(self, step: Step) -> Tensor:
        condition = step.players.condition
        assert isinstance(condition, SentenceAndMap)
        wrong = condition._replace(code=processes.mine(processes.everyone(condition.code).roll(1, dims=0)))
        return step.players.on_fakes(step.players.opponent(step.real, None, wrong).float())
