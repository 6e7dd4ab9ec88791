"""StyleGAN2's lazy regularisation, as a trick of the benchmark's own: the penalty in optimiser steps of its own."""

from pydantic import PrivateAttr
from torch import Tensor

from espalier.stages.tricks.context import StepContext
from espalier.stages.tricks.gradient_penalty import GradientPenalty
from espalier.stages.tricks.parts import Networks, OptimizerPlan
from espalier.stages.tricks.step import Step


class LazyPenalty(GradientPenalty):
    """WGAN-GP's penalty on each `interval`-th iteration, times `interval`, with Adam compensated.

        c = interval / (interval + 1);  rate <- c rate,  beta1 <- beta1^c,  beta2 <- beta2^c

    `separate`: in an optimiser step of its own, after the discriminator's, on the same reals and fakes, with the same moments,
    as StyleGAN2 does; otherwise within the discriminator's step, as `every` does.

    Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", appendix B, and the released
    training/training_loop.py.
    """

    name = "lazy_penalty"
    interval: int
    separate: bool
    _step: Step | None = PrivateAttr(None)

    def plan_optimizers(self, plan: OptimizerPlan) -> None:
        options, share = plan.options["discriminator"], self.interval / (self.interval + 1)
        betas = tuple(beta**share for beta in options["betas"])
        plan.options["discriminator"] = {**options, "lr": share * options["lr"], "betas": betas}

    def discriminator_term(self, step: Step) -> Tensor:
        due = step.context.step % self.interval == 0
        if due and not self.separate:
            return self.interval * super().discriminator_term(step)
        self._step = step if due else None
        return step.real.new_zeros(())

    def after_discriminator_step(self, networks: Networks, context: StepContext) -> None:
        if self._step is None:
            return
        optimizer = self._step.players.optimizers["discriminator"]
        optimizer.zero_grad(set_to_none=True)
        (self.weight * self.interval * super().discriminator_term(self._step)).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        self._step = None
