"""Path length regularisation: a step of fixed size in style space changes the image by a fixed amount.

    weight E[ (|| J^T y || - a)^2 ],   y ~ N(0, I) / sqrt(R^2),   a <- 0.99 a + 0.01 mean of || J^T y ||

J is the Jacobian of the image by the styles; the length's square is summed over a style and averaged over the layers. Source:
Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", section 3.2; weight 2, every 4 iterations and on half a
batch as released. The release takes that step separately, with compensated Adam; here it is a term of the same step, as all are.
The average is checkpointed.
"""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field, PrivateAttr
from torch import Tensor

from espalier.models import processes
from espalier.stages.contracts.condition import rows
from espalier.stages.process.device import precision
from espalier.stages.tricks.context import draw_latents
from espalier.stages.tricks.parts import NetworkPlan, Setting
from espalier.stages.tricks.step import Step
from espalier.stages.tricks.trick import Term

DECAY = 0.99


class PathLength(Term):
    """Makes the generator smooth, which makes it easier to invert. For networks with styles."""

    name = "path_length"
    weight: float = Field(default=2.0, ge=0)
    every: int = Field(default=4, ge=1, description="compute the term every n-th iteration only, times n")
    _average: Tensor | None = PrivateAttr(default=None)
    _prior: str = PrivateAttr(default="normal")

    def whole_batch(self) -> str | None:
        return "it takes half of the whole batch"

    def wants(self) -> tuple[str, ...]:
        return ("generator.mapping_layers",)

    def check(self, setting: Setting) -> None:
        if setting.batch_size // setting.processes % 2:
            raise ValueError(
                f"path_length: it takes half of a process's share of the batch, which is {setting.batch_size} in "
                f"{setting.processes} process(es); use a multiple of {2 * setting.processes}"
            )

    def plan_networks(self, plan: NetworkPlan) -> None:
        self._prior = plan.prior

    def generator_term(self, step: Step) -> Tensor:
        generator: Any = step.networks.generator
        share = step.context.batch // processes.world() // 2
        latent = draw_latents(step.context, (share, int(generator.latent)), self._prior, self.name)
        with precision(step.context.device):
            styles: Tensor = generator.styled(latent, rows(step.players.condition, slice(share)))
            styles = styles if styles.requires_grad else styles.detach().requires_grad_()  # of a frozen mapping
            images: Tensor = generator.synthesis(styles)
        noise = (
            step.context.normal(tuple(images.shape), self.name, "noise") / (images.shape[2] * images.shape[3]) ** 0.5
        )
        (gradient,) = torch.autograd.grad((images * noise).sum(), styles, create_graph=True)
        lengths = gradient.float().square().sum(dim=2).mean(dim=1).sqrt()
        average = self._moved(lengths)
        apart: Tensor = (lengths - average).square().mean()
        return apart

    @torch.no_grad()
    def _moved(self, lengths: Tensor) -> Tensor:
        now = processes.mean(lengths.detach().mean())
        before = torch.zeros_like(now) if self._average is None else self._average.to(now.device)
        self._average = before.lerp(now, 1 - DECAY)
        return self._average

    def state_dict(self) -> dict[str, Any]:
        return {} if self._average is None else {"average": self._average}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._average = state.get("average")
