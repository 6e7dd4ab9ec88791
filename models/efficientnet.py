"""EfficientNet-Lite0: features of images at four scales, and the features that its classes are read from.

The layers are the package efficientnet-lite-pytorch's (Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional
Neural Networks"; the Lite variant without squeeze-and-excitation, with ReLU6).
"""

from typing import Any

from torch import Tensor, nn

WIDTH = 1280
"""Length of an image's pooled features."""
TAPS = {2: 24, 4: 40, 10: 112, 15: 320}
"""Blocks after which features are tapped, and their channels; strides 4, 8, 16 and 32, as in Projected GAN."""


class EfficientNetLite0(nn.Module):
    """Images (B, 1 or 3, H, W) in [-1, 1] -> features (B, WIDTH), each image's independent of its batch.

    Always in evaluation mode, and without gradients of its own; gradients flow to the images. `network`: the package's, whose
    convolutions pad by the size of their input.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network: Any = network
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "EfficientNetLite0":
        """Keep batch norm's running statistics, whatever the networks around it do."""
        return super().train(False)

    def taps(self, images: Tensor) -> list[Tensor]:
        """Features after the blocks of TAPS: (B, channels, H / stride, W / stride), rounded up."""
        network, found = self.network, []
        seen = (images.expand(-1, 3, -1, -1) * 127.5 + 0.5) / 128  # as TensorFlow's release: (pixel - 127) / 128
        seen = network._swish(network._bn0(network._conv_stem(seen)))
        for number, block in enumerate(network._blocks):
            seen = block(seen)
            if number in TAPS:
                found.append(seen)
        return found

    def forward(self, images: Tensor) -> Tensor:
        network = self.network
        head: Tensor = network._swish(network._bn1(network._conv_head(self.taps(images)[-1])))
        return head.mean(dim=(2, 3))

    def classes(self, features: Tensor) -> Tensor:
        """Logits (B, 1000) of ImageNet's classes, from features."""
        logits: Tensor = self.network._fc(features)
        return logits
