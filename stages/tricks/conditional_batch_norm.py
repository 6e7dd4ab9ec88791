"""Conditional batch normalisation in the generator: scale and shift depend on the class.

    y = gamma_c (x - mean) / sqrt(var + 1e-5) + beta_c,   gamma_c starts at 1, beta_c at 0

Sources: Dumoulin et al., "A Learned Representation for Artistic Style"; Miyato and Koyama, "cGANs with Projection
Discriminator", section 5. Replaces the generator's norm in every hidden layer. The module is in `models/norms.py`.
"""

from functools import partial

from espalier.models.norms import ConditionalBatchNorm
from espalier.stages.tricks.parts import NetworkPlan
from espalier.stages.tricks.trick import Trick


class ConditionalNorm(Trick):
    """Conditions every layer of the generator on the class."""

    name = "conditional_batch_norm"

    def wants(self) -> tuple[str, ...]:
        return ("generator.hidden",)

    def needs_classes(self) -> bool:
        return True

    def plan_networks(self, plan: NetworkPlan) -> None:
        plan.generator["hidden"].norm = partial(ConditionalBatchNorm, classes=plan.classes)
