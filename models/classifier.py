"""A small convolutional image classifier.

Source: the Keras example that the released PacGAN code uses to count modes of stacked digits: convolutions with 32 and 64
channels, max pooling, dropout 0.25, a dense layer of 128, dropout 0.5.
"""

import torch.nn.functional as F
from torch import Tensor, nn


class Classifier(nn.Module):
    """Images (B, channels, R, R) in [-1, 1] -> logits (B, classes)."""

    def __init__(self, resolution: int, channels: int, classes: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(channels, 32, 3, padding=1), nn.Conv2d(32, 64, 3, padding=1)
        self.dense, self.out = nn.Linear(64 * (resolution // 4) ** 2, 128), nn.Linear(128, classes)

    def forward(self, images: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(images)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.dropout(x.flatten(1), 0.25, self.training)
        logits: Tensor = self.out(F.dropout(F.relu(self.dense(x)), 0.5, self.training))
        return logits
