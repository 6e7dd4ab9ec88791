"""How many of stacked MNIST's 1000 modes a generator covers, and how evenly.

Each colour channel is classified as a digit; the three digits are the mode. Over all samples, in nats,

    KL(p || uniform over 1000)

Source: Metz et al., "Unrolled Generative Adversarial Networks", section 3.3; Lin et al., "PacGAN", section 4.2. 25,600
perfect samples cover nearly all 1000 modes, with a KL of 0.02.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from espalier.stages.metrics.modes import kl_to_uniform

MODES = 1000


@dataclass(frozen=True, slots=True)
class StackedMetrics:
    """`modes`: how many of the 1000 occur; `kl`: in nats."""

    modes: int
    kl: float


@torch.no_grad()
def stacked_metrics(images: Tensor, classifier: nn.Module, device: torch.device, batch: int = 512) -> StackedMetrics:
    """Metrics of images uint8 (N, 3, R, R), by a classifier (B, 1, R, R) in [-1, 1] -> logits (B, 10)."""
    counts = torch.zeros(MODES, dtype=torch.int64)
    for part in torch.split(images, batch):
        digits = part.flatten(0, 1)[:, None].to(device).float() / 127.5 - 1
        a, b, c = classifier(digits).argmax(1).view(-1, 3).cpu().unbind(1)
        counts += torch.bincount(100 * a + 10 * b + c, minlength=MODES)
    return StackedMetrics(int((counts > 0).sum()), kl_to_uniform(counts))
