"""AC-GAN: the discriminator also predicts the class, and the generator is rewarded for classifiable samples.

    discriminator: weight ( CE(class | real) + CE(class | fake) )
    generator:     generator_weight CE(class | fake)

Source: Odena et al., "Conditional Image Synthesis with Auxiliary Classifier GANs", equations 2 and 3 (weight 1). WGAN-GP's
released CIFAR-10 code trains the class head on reals only, with 1 and 0.1. The class head is a dense layer on the features
that feed the logit. The generator is conditioned by `class_embedding` or `conditional_batch_norm`.
"""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from pydantic import Field, PrivateAttr
from torch import Tensor

from espalier.stages.tricks.parts import NetworkPlan, Networks
from espalier.stages.tricks.step import Step
from espalier.stages.tricks.trick import Term


class Acgan(Term):
    """An auxiliary classifier, superseded by `projection`."""

    name = "acgan"
    on_fakes: bool = Field(default=True, description="train the class head on fakes, too")
    generator_weight: float = Field(default=1.0, ge=0, description="factor of the generator's term, times weight")
    _classes: int = PrivateAttr(default=0)
    head: ClassVar[str] = "class_head"

    def wants(self) -> tuple[str, ...]:
        return ("discriminator.classes",)

    def needs_classes(self) -> bool:
        return True

    def plan_networks(self, plan: NetworkPlan) -> None:
        self._classes = plan.classes

    def change_networks(self, networks: Networks) -> None:
        networks.discriminator.add_module(self.head, networks.discriminator.logit.another(self._classes))  # type: ignore[union-attr, operator]

    def _entropy(self, step: Step, features: list[Tensor]) -> Tensor:
        labels = step.players.condition
        assert isinstance(labels, Tensor)
        return F.cross_entropy(getattr(step.networks.discriminator, self.head)(features[-1].float()), labels)

    def discriminator_term(self, step: Step) -> Tensor:
        on_reals = self._entropy(step, step.real_features)
        return on_reals + self._entropy(step, step.fake_features) if self.on_fakes else on_reals

    def generator_term(self, step: Step) -> Tensor:
        return self.generator_weight * self._entropy(step, step.fake_features)
