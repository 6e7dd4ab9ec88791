"""The steps after each hidden layer, shared by all networks: norm, activation, dropout, noise."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from espalier.models import processes
from espalier.models.layers import leaky_relu
from espalier.models.norms import NORMS, MakeNorm

Activation = Literal["relu", "leaky_relu", "tanh"]
ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "leaky_relu": leaky_relu,
    "tanh": torch.tanh,
}


@dataclass
class HiddenPlan:
    """The steps after each hidden layer of one network.

    `norm_first`: normalise before the activation, as is usual; ProGAN does it after. `dropout`: share of values set
    to zero; `dropout_when_sampling`: also when sampling. `noise`: standard deviation of Gaussian noise added last.
    """

    activation: Activation
    norm: MakeNorm = NORMS["none"]
    norm_first: bool = True
    dropout: float = 0.0
    dropout_when_sampling: bool = False
    noise: float = 0.0


class Hidden(nn.Module):
    """(B, width) or (B, width, H, W), with class labels (B,) for conditional norms -> the same shape.

    Dropout and noise draw from torch's global generator, which the trainer seeds at every step.
    """

    def __init__(self, width: int, plan: HiddenPlan) -> None:
        super().__init__()
        self.plan, self.norm = plan, plan.norm(width)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        activate = ACTIVATIONS[self.plan.activation]
        x = activate(self.norm(x, labels)) if self.plan.norm_first else self.norm(activate(x), labels)
        x = dropped(x, self.plan.dropout, self.training, self.plan.dropout_when_sampling)
        if self.plan.noise and self.training:
            x = x + self.plan.noise * processes.drawn(x, lambda of: of.normal_(), True)
        return x


def dropped(x: Tensor, share: float, training: bool, when_sampling: bool = False) -> Tensor:
    """Dropout: a share of the values is zero, in training and perhaps when sampling, and the others grow in proportion."""
    if not share or not (training or when_sampling):
        return x
    kept = processes.drawn(x, lambda of: of.bernoulli_(1 - share), training)
    return x * (kept / (1 - share))
