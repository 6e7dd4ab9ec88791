"""Adaptive discriminator augmentation: a pipe of augmentations, whose probability p follows how much D overfits.

    every 4 steps of D:   p <- p + sign(r - target) (images shown meanwhile) / (1000 kimg),   within [0, 1]

    by sign:      r = E[ sign(D(real)) ] over these 4 batches; target 0.6
    by held_out:  r = (E[D(real)] - E[D(held out)]) / (E[D(real)] - E[D(fake)]);  target 0.5, for any loss

r is 0 without overfitting and 1 when D knows its images by heart. Source: Karras et al., "Training Generative Adversarial
Networks with Limited Data", equation 1 and section 3.1; the paper sets no target for the held-out form, and the release lets p
exceed 1. The pipe, at these strengths the paper's "bgc", is in `ada_pipe.py`. With `p` given, it stays there: R3GAN sets it on a
schedule (the trick `schedule`), without asking D. p is checkpointed, and a column of history.csv.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from pydantic import Field, PrivateAttr, field_validator
from torch import Tensor

from espalier.models import processes
from espalier.stages.tricks.ada_pipe import BLITS, COLOR, CORRUPTIONS, GEOMETRIC, augmented
from espalier.stages.tricks.augmentation import Augmentation
from espalier.stages.tricks.parts import Setting, View
from espalier.stages.tricks.step import Step

EVERY = 4
TARGETS = {"sign": 0.6, "held_out": 0.5}
STRENGTHS = {name: float(name not in CORRUPTIONS) for name in (*BLITS, *GEOMETRIC, *COLOR, *CORRUPTIONS)}


class Ada(Augmentation):
    """For a few hundred to some ten thousand images; with enough of them, p stays near 0."""

    name = "ada"
    shorthand = "p"
    scheduled = ("p",)
    p: float | None = Field(default=None, ge=0, le=1, description="a fixed probability; default: adaptive, from 0")
    by: Literal["sign", "held_out"] = Field(
        default="sign", description="measure of overfitting; held_out needs monitor.hold_out"
    )
    target: float | None = Field(default=None, gt=0, lt=1, description="of r; default: 0.6 by sign, 0.5 by held_out")
    kimg: float = Field(default=500.0, gt=0, description="thousands of images in which p can rise from 0 to 1")
    strengths: dict[str, float] = Field(
        default=STRENGTHS, description="of each operation; the others keep theirs: {cutout: 1, hue: 0.5}"
    )
    _now: float = PrivateAttr(default=0.0)
    _seen: list[list[float]] = PrivateAttr(default_factory=list)

    def whole_batch(self) -> str | None:
        return "p follows the whole batch's logits; use a fixed or scheduled p" if self.p is None else None

    @field_validator("strengths")
    @classmethod
    def _known(cls, given: dict[str, float]) -> dict[str, float]:
        for name, strength in given.items():
            if name not in STRENGTHS:
                raise ValueError(f"has no operation '{name}'; it has: {', '.join(STRENGTHS)}")
            if not 0 <= strength <= 1:
                raise ValueError(f"{name} is {strength:g}; use a number from 0 to 1")
        return {**STRENGTHS, **given}

    def check(self, setting: Setting) -> None:
        super().check(setting)
        if self.p is None and self.by == "held_out" and setting.held_out < setting.batch_size:
            raise ValueError(
                f"ada.by: held_out compares with reals that are held out, and monitor.hold_out is {setting.held_out}; use at "
                f"least the batch_size, {setting.batch_size}, or p: 0.3"
            )

    def discriminator_view(self, images: Tensor, view: View) -> Tensor:
        def draw(name: str, law: str, shape: tuple[int, ...]) -> Tensor:
            random = view.context.uniform if law == "uniform" else view.context.normal
            return random((len(images), *shape), self.name, view.player, view.real, name)

        return augmented(images, self.strengths, self._now if self.p is None else self.p, draw)

    @torch.no_grad()
    def observe(self, step: Step) -> None:
        if self.p is not None:
            return
        real = step.real_logits.detach()
        measured = [real.sign().mean()]
        if self.by == "held_out":
            assert step.players.held_out_logits is not None
            measured = [real.mean(), step.players.held_out_logits().mean(), step.fake_logits.detach().mean()]
        self._seen.append(processes.mean(torch.stack(measured)).tolist())
        if len(self._seen) == EVERY:
            means = [sum(values) / EVERY for values in zip(*self._seen, strict=True)]
            self._move(means[0] if self.by == "sign" else _closer(*means), EVERY * step.context.batch)
            self._seen.clear()

    def _move(self, r: float, images: int) -> None:
        target = TARGETS[self.by] if self.target is None else self.target
        moved = images / (1000 * self.kimg) * ((r > target) - (r < target))
        self._now = min(max(self._now + moved, 0.0), 1.0)

    def logged(self) -> dict[str, float]:
        return {"ada_p": self._now if self.p is None else self.p}

    def state_dict(self) -> dict[str, Any]:
        return {"p": self._now, "seen": [list(means) for means in self._seen]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._now, self._seen = float(state["p"]), [list(means) for means in state["seen"]]


def _closer(real: float, held_out: float, fake: float) -> float:
    """How much of the way from fakes to reals separates held-out reals from those of the training; 0 while D is not ahead."""
    return (real - held_out) / (real - fake) if real > fake else 0.0
