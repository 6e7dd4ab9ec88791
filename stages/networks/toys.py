"""Options of toy games with one scalar parameter per player."""

from typing import Any, Literal

from espalier.models import toys
from espalier.stages.networks.network import POINTS, NetworkOptions


class Toy(NetworkOptions):
    """One scalar per player; see `models/toys.py`."""

    latent: Literal[1] = 1
    kind = POINTS
    metrics = ("distance",)

    def arguments(self, resolution: int, channels: int) -> dict[str, dict[str, Any]]:
        return {"generator": {}, "discriminator": {}}

    def feature_count(self, resolution: int) -> int:
        return 1


class Dirac(Toy):
    """Dirac-GAN: the generator is theta, the discriminator psi x, the data 0."""

    name: Literal["dirac"] = "dirac"
    generator_class = toys.DiracGenerator
    discriminator_class = toys.DiracDiscriminator


class Saddle(Toy):
    """The saddle (1 + x^2)(100 - y^2), the toy of the TTUR paper."""

    name: Literal["saddle"] = "saddle"
    generator_class = toys.SaddleGenerator
    discriminator_class = toys.SaddleDiscriminator
