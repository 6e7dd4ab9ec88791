"""Simultaneous updates: both players' gradients are taken before either moves.

The discriminator's and the generator's step see the same weights, instead of the generator's seeing the discriminator
after its step. Sources: the released PacGAN code for points, ProGAN's CIFAR-10 runs; Mescheder et al., "The Numerics of GANs",
where simultaneous descent on the Dirac-GAN spirals outwards and alternating descent circles. No options.
"""

from espalier.stages.tricks.trick import Trick


class Simultaneous(Trick):
    """Alternating updates are the default, and mostly the more stable."""

    name = "simultaneous"

    def simultaneous(self) -> bool:
        return True
