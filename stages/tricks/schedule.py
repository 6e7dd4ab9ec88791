"""Schedules: numbers of a stage that go from one value to another over the first `kimg` thousand images.

    cosine:  v = start + (end - start) (1 - cos(pi t)) / 2,    linear:  v = start + (end - start) t,    t = min(kimg / N, 1)

Source: Huang et al., "The GAN is dead; long live the GAN!", appendix, whose R3GAN has five of them, all cosine: learning rate,
beta2, gamma of R1 and R2, the EMA's half-life and ADA's p. t counts images shown to the discriminator from the start of the
stage, so that a longer stage goes on and changes nothing that was.

    schedule:
      adam: {learning_rate: {start: 0.0002, end: 0.00005, kimg: 20000}, beta2: {start: 0.9, end: 0.99, kimg: 20000}}
      r1: {weight: {start: 2, end: 0.2, kimg: 20000}}
"""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from espalier.stages.contracts.options import Options
from espalier.stages.tricks.context import StepContext
from espalier.stages.tricks.parts import OptimizerPlan, Player
from espalier.stages.tricks.trick import Trick


class Ramp(Options):
    """One number's way."""

    start: float
    end: float
    kimg: float = Field(gt=0, description="thousands of images until the end value, which then stays")
    shape: Literal["cosine", "linear"] = "cosine"

    def at(self, images: int) -> float:
        """The value after `images` images."""
        done = min(images / (1000 * self.kimg), 1.0)
        share = (1 - math.cos(math.pi * done)) / 2 if self.shape == "cosine" else done
        return self.start + (self.end - self.start) * share


class Schedule(Trick):
    """Numbers by trick and option; `adam` has learning_rate, beta1 and beta2. A learning rate scales both players' rates, also
    those of `ttur`."""

    name = "schedule"
    numbers: dict[str, dict[str, Ramp]] = Field(
        description="written without this key: {r1: {weight: {start, end, kimg}}}"
    )
    _others: dict[str, Trick] = PrivateAttr(default_factory=dict)
    _rate: float = PrivateAttr(default=1.0)

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, given: Any) -> Any:
        if not isinstance(given, dict) or set(given) == {"numbers"}:
            return given
        return {"numbers": {name: options for name, options in given.items() if options is not None}}

    def meet(self, tricks: dict[str, Trick]) -> None:
        self._others = tricks

    def plan_optimizers(self, plan: OptimizerPlan) -> None:
        self._rate = float(plan.options["generator"]["lr"])

    def advance(self, context: StepContext) -> None:
        for name, ramps in self.numbers.items():
            if name != "adam":
                self._others[name].now(**{option: ramp.at(context.images) for option, ramp in ramps.items()})

    def learning_rate(self, player: Player, context: StepContext) -> float:
        ramp = self.numbers.get("adam", {}).get("learning_rate")
        return 1.0 if ramp is None else ramp.at(context.images) / self._rate

    def betas(self, betas: tuple[float, float], context: StepContext) -> tuple[float, float]:
        ramps = self.numbers.get("adam", {})
        first, second = (
            ramps[name].at(context.images) if name in ramps else beta
            for name, beta in zip(("beta1", "beta2"), betas, strict=True)
        )
        return first, second
