"""A small feature network, trained on one dataset to distinguish its images (stages/types/features.py)."""

import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 64
"""Length of an image's features."""

NARROWEST, WIDEST, PROJECTED = 32, 128, 64


class FeatureNetwork(nn.Module):
    """Images (B, channels, R, R) in [-1, 1], R a power of two from 8 -> features (B, WIDTH).

    4x4 convolutions halve the image down to 4x4. Group norm keeps an image's features independent of its batch.
    """

    def __init__(self, resolution: int, channels: int) -> None:
        super().__init__()
        halvings = resolution.bit_length() - 3
        widths = [min(NARROWEST << k, WIDEST) for k in range(halvings + 1)]
        layers: list[nn.Module] = [nn.Conv2d(channels, widths[0], 3, padding=1), nn.LeakyReLU(0.2)]
        for inputs, outputs in zip(widths, widths[1:], strict=False):
            convolution = nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False)
            layers += [convolution, nn.GroupNorm(8, outputs), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * widths[-1], WIDTH))
        self.projection = nn.Linear(WIDTH, PROJECTED)

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.body(images)
        return features

    def projected(self, images: Tensor) -> Tensor:
        """The projection compared in training, (B, PROJECTED), normalised to length 1."""
        return F.normalize(self.projection(F.relu(self(images))), dim=1)
