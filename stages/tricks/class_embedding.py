"""Class conditioning by a learned embedding, concatenated with the generator's latent.

    G([z, e(y)])

Source: Mirza and Osindero, "Conditional Generative Adversarial Nets"; as an embedding, ganhacks #16, and Odena et al.
"""

from pydantic import Field

from espalier.stages.tricks.parts import NetworkPlan
from espalier.stages.tricks.trick import Trick


class ClassEmbedding(Trick):
    """Written `class_embedding: 32`."""

    name = "class_embedding"
    shorthand = "width"
    width: int = Field(default=32, ge=1, description="length of the embedding")

    def wants(self) -> tuple[str, ...]:
        return ("generator.classes",)

    def needs_classes(self) -> bool:
        return True

    def plan_networks(self, plan: NetworkPlan) -> None:
        plan.generator["classes"], plan.generator["class_width"] = plan.classes, self.width
