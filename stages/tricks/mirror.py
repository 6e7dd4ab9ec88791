"""Mirrored reals: each real is flipped left to right with probability 1/2, so that a dataset counts twice.

    x = flip(x) with probability 1/2, for reals only

The generator learns to make both. For datasets where a mirrored image is as likely as the image: faces, animals, landscapes,
but no letters. Source: the option `--mirror` of the released StyleGAN2-ADA (`training/dataset.py`, xflip), which enlarges the
dataset by a flipped copy of each image instead of drawing; over many epochs, the two are the same.
"""

from torch import Tensor

from espalier.stages.tricks.augmentation import Augmentation
from espalier.stages.tricks.parts import View


class Mirror(Augmentation):
    """Doubles the dataset. Unlike `ada` and `diffaugment`, it changes what is learned."""

    name = "mirror"

    def discriminator_view(self, images: Tensor, view: View) -> Tensor:
        if not view.real:
            return images
        flipped = view.context.uniform((len(images),), self.name, view.player) < 0.5
        return images.flip(3).where(flipped[:, None, None, None], images)
