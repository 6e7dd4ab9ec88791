"""A small feature network that distinguishes the images of one dataset, trained on that dataset (stages/features/local.py)."""

import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 64
"""Length of a picture's features."""

NARROWEST, WIDEST, PROJECTED = 32, 128, 64


class FeatureNetwork(nn.Module):
    """Pictures (B, channels, R, R) in [-1, 1], R a power of two from 8 -> features (B, WIDTH).

    Convolutions of 4x4 halve the picture down to 4x4; group norm, so that a picture's features are its own.
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

    def forward(self, pictures: Tensor) -> Tensor:
        features: Tensor = self.body(pictures)
        return features

    def projected(self, pictures: Tensor) -> Tensor:
        """What is compared in training: the features' projection (B, PROJECTED), of length 1."""
        return F.normalize(self.projection(F.relu(self(pictures))), dim=1)
