"""LeCam regularisation: the discriminator's logits are held near its own moving averages of the other side.

    E[ (D(real) - a_fake)^2 ] + E[ (D(fake) - a_real)^2 ],   a <- 0.99 a + 0.01 mean of this batch's logits

a_real and a_fake begin at the first batch's means. Source: Tseng et al., "Regularizing Generative Adversarial Networks under
Limited Data", equations 3 and 4; weights from 0.01 to 0.3. The released code clips each difference (relu(D(real) - a_fake)
and relu(a_real - D(fake))), so that it acts on the usual side only, begins after a thousand steps, and uses 3e-4 for BigGAN on
ImageNet. The averages are checkpointed.
"""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field, PrivateAttr
from torch import Tensor

from espalier.models import processes
from espalier.stages.tricks.step import Step
from espalier.stages.tricks.trick import Term

DECAY = 0.99


class Lecam(Term):
    """For small datasets: bounds how sure the discriminator becomes. Works together with augmentation."""

    name = "lecam"
    weight: float = Field(default=0.1, ge=0, description="lambda")
    _averages: dict[str, Tensor] = PrivateAttr(default_factory=dict)

    def whole_batch(self) -> str | None:
        return "its averages are of the whole batch"

    def discriminator_term(self, step: Step) -> Tensor:
        real, fake = step.real_logits, step.fake_logits
        a_real, a_fake = self._average("real", real), self._average("fake", fake)
        return (real - a_fake).square().mean() + (fake - a_real).square().mean()

    @torch.no_grad()
    def _average(self, name: str, logits: Tensor) -> Tensor:
        now = processes.mean(logits.detach().mean())
        before = self._averages.get(name, now).to(now.device)
        self._averages[name] = before.lerp(now, 1 - DECAY)
        return self._averages[name]

    def state_dict(self) -> dict[str, Any]:
        return dict(self._averages)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._averages = dict(state)
