"""Simultaneous updates: both players' gradients are computed before either is updated.

Both players' steps see the same weights, instead of the generator's step seeing the updated discriminator.
Sources: the released PacGAN code for points, ProGAN's CIFAR-10 runs; Mescheder et al., "The Numerics of GANs",
where simultaneous descent on the Dirac-GAN spirals outwards and alternating descent circles. No options.
"""

from espalier.stages.tricks.trick import Trick


class Simultaneous(Trick):
    """Alternating updates are the default and usually more stable."""

    name = "simultaneous"

    def simultaneous(self) -> bool:
        return True
