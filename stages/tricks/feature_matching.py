"""Feature matching: the generator matches the mean of the discriminator's features of reals.

    distance: absolute   mean | E f(real) - E f(fake) |       (released CIFAR and SVHN code)
    distance: squared    mean ( E f(real) - E f(fake) )^2     (the paper's norm, up to the number of features)

E is over the batch, f the output of a layer of the discriminator. Source: Salimans et al., "Improved Techniques for
Training GANs", section 3.1. A new batch of reals is drawn for the generator's step.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from espalier.models import processes
from espalier.stages.tricks.parts import Setting
from espalier.stages.tricks.step import Step
from espalier.stages.tricks.trick import Term


class FeatureMatching(Term):
    """Added to the generator's loss; raise `weight` to let it dominate."""

    name = "feature_matching"
    layer: int = Field(default=-1, description="index of the discriminator's features; -1 feeds the logit")
    distance: Literal["absolute", "squared"] = "absolute"

    def whole_batch(self) -> str | None:
        return "it compares means over the whole batch"

    def check(self, setting: Setting) -> None:
        count = setting.features
        if not -count <= self.layer < count:
            raise ValueError(
                f"feature_matching.layer: {self.layer} is out of range, the discriminator has {count} features; use "
                f"-{count} to {count - 1}"
            )

    def generator_term(self, step: Step) -> Tensor:
        with torch.no_grad():
            real = processes.mean(step.real_features[self.layer].mean(0))
        apart = real - processes.mean(step.fake_features[self.layer].mean(0))
        return apart.abs().mean() if self.distance == "absolute" else apart.square().mean()
