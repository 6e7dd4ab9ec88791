"""Instance noise: Gaussian noise on every input of the discriminator, fading out.

    x + sigma(t) n,   n ~ N(0, I),   sigma(t) = sigma (1 - images / (1000 kimg)), at least 0

so that the distributions of reals and fakes overlap from the start. Sources: Sonderby et al., "Amortised MAP Inference for Image
Super-resolution", section 3.2.1; Arjovsky and Bottou, "Towards Principled Methods for Training GANs", section 3. Also
ganhacks #13. `r1` has much the same effect without a schedule.
"""

from pydantic import Field
from torch import Tensor

from espalier.stages.tricks.parts import View
from espalier.stages.tricks.trick import Trick


class InstanceNoise(Trick):
    """Applied to reals and fakes in both players' steps, with independent noise."""

    name = "instance_noise"
    scheduled = ("sigma",)
    sigma: float = Field(default=0.1, gt=0, description="standard deviation at the start, data in [-1, 1]")
    kimg: float = Field(gt=0, description="thousands of images until the noise is zero")

    def discriminator_view(self, images: Tensor, view: View) -> Tensor:
        left = 1 - view.context.images / (1000 * self.kimg)
        if left <= 0:
            return images
        noise = view.context.normal(tuple(images.shape), self.name, view.player, view.real)
        return images + self.sigma * left * noise
