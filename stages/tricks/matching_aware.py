"""Matching-aware discriminator: a real picture with another picture's sentence is a fake, too.

    discriminator: weight * F(D(x, s_wrong)),   F: the part of the chosen loss that is of fakes

so that D judges whether sentence and picture belong together, and not the picture alone. Source: Reed et al., "Generative
Adversarial Text to Image Synthesis", algorithm 1 (GAN-CLS, weight 1/2 for both kinds of fakes); in FashionGAN's released
code, where the weight is 1 (its .9 and .1 are of the printed losses only). There a picture is shown with its own map and
a random other picture's sentence, here with the next one's of the batch, which is random, too.
"""

from __future__ import annotations

from torch import Tensor

from espalier.models.fashiongan.told import SentenceAndMap
from espalier.stages.tricks.parts import Setting
from espalier.stages.tricks.step import Step
from espalier.stages.tricks.trick import Term


class MatchingAware(Term):
    """The generator is told by it when its picture does not say what the sentence says."""

    name = "matching_aware"

    def wants(self) -> tuple[str, ...]:
        return ("discriminator.code",)

    def check(self, setting: Setting) -> None:
        if setting.batch_size // setting.processes < 2:
            raise ValueError("another sentence comes from the same batch; right would be a batch_size of 2 or more")

    def discriminator_term(self, step: Step) -> Tensor:
        told = step.players.condition
        assert isinstance(told, SentenceAndMap)
        wrong = told._replace(code=told.code.roll(1, dims=0))
        return step.players.on_fakes(step.players.opponent(step.real, None, wrong).float())
