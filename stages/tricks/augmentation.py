"""What augmentations of the discriminator's input share: what they can be used on."""

from espalier.stages.tricks.parts import Setting
from espalier.stages.tricks.trick import Trick


class Augmentation(Trick):
    """Changes reals and fakes alike, in both players' steps, before the discriminator sees them."""

    def check(self, setting: Setting) -> None:
        if setting.kind != "images":
            raise ValueError(
                f"{self.name}: it changes images, and the network {setting.network} generates {setting.kind}; remove it, or "
                "use a network that generates images"
            )
        if setting.conditioned_on is not None or setting.own_conditioning:
            what = setting.conditioned_on or "a condition of your own"
            raise ValueError(
                f"{self.name}: it changes images, and not {what}, with which the discriminator compares them; remove it, or "
                "augment the dataset"
            )
