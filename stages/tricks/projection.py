"""Projection discriminator: the class enters the logit through an inner product.

    C(x, y) = linear(h) + <embed(y), h>,   h the last features

Source: Miyato and Koyama, "cGANs with Projection Discriminator", equation 7; with spectral norm there (`spectral_norm` covers
the embedding). The generator is conditioned by `conditional_batch_norm` or `class_embedding`. Each pack has one class.
"""

from espalier.stages.tricks.parts import NetworkPlan
from espalier.stages.tricks.trick import Trick


class Projection(Trick):
    """Judges whether an image is a real sample of its class."""

    name = "projection"

    def wants(self) -> tuple[str, ...]:
        return ("discriminator.classes",)

    def needs_classes(self) -> bool:
        return True

    def plan_networks(self, plan: NetworkPlan) -> None:
        plan.discriminator["classes"] = plan.classes
