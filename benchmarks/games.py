"""Games with one parameter per player and dynamics known in closed form, as networks of one's own, and their metric."""

from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from espalier.stages.contracts.component import Component, Metrics
from espalier.stages.networks.network import POINTS, NetworkOptions


class DiracGenerator(nn.Module):
    """Latent (B, 1), unused -> theta (B, 1), the only parameter.

    Source: Mescheder et al., "Which Training Methods for GANs do actually Converge?", definition 2.1; starts at 1.
    """

    latent = 1

    def __init__(self) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.ones(()))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.theta.expand(len(z), 1)


class DiracDiscriminator(nn.Module):
    """Points (B, 1) -> logits psi x (B,); starts at 1."""

    def __init__(self) -> None:
        super().__init__()
        self.psi = nn.Parameter(torch.ones(()))

    def forward(self, points: Tensor, features: list[Tensor] | None = None, labels: Tensor | None = None) -> Tensor:
        logits = self.psi * points.flatten()
        if features is not None:
            features.append(points * self.psi)
        return logits


class SaddleGenerator(nn.Module):
    """Latent (B, 1), unused -> 1 + x^2 (B, 1); with the discriminator below and the loss `wgan` on data at 0 the
    generator descends and the discriminator ascends f(x, y) = (1 + x^2)(100 - y^2).

    Source: Heusel et al., the TTUR repository's ttur_example_saddle.ipynb; starts at x = 0.5, y = -0.4.
    """

    latent = 1

    def __init__(self) -> None:
        super().__init__()
        self.x = nn.Parameter(torch.tensor(0.5))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return (1 + self.x.square()).expand(len(z), 1)


class SaddleDiscriminator(nn.Module):
    """Points v (B, 1) -> logits -v (100 - y^2), (B,)."""

    def __init__(self) -> None:
        super().__init__()
        self.y = nn.Parameter(torch.tensor(-0.4))

    def forward(self, points: Tensor, features: list[Tensor] | None = None, labels: Tensor | None = None) -> Tensor:
        logits = -points.flatten() * (100 - self.y.square())
        if features is not None:
            features.append(logits[:, None])
        return logits


class Game(NetworkOptions):
    """One scalar per player."""

    latent: Literal[1] = 1
    kind = POINTS

    def arguments(self, resolution: int, channels: int) -> dict[str, dict[str, Any]]:
        return {"generator": {}, "discriminator": {}}

    def feature_count(self, resolution: int) -> int:
        return 1


class Dirac(Game):
    """Dirac-GAN: the generator is theta, the discriminator psi x, the data 0."""

    generator_class = DiracGenerator
    discriminator_class = DiracDiscriminator


class Saddle(Game):
    """The saddle (1 + x^2)(100 - y^2), the toy of the TTUR paper."""

    generator_class = SaddleGenerator
    discriminator_class = SaddleDiscriminator


class Distance(Component[Any]):
    """Norm of all weights, i.e. the distance from the equilibrium at 0."""

    metrics = ("distance",)

    def publish(self, run: Any, folder: Path, until: int) -> Metrics:
        weights = [p.detach().flatten() for n in run.networks.modules().values() for p in n.parameters()]
        return {"distance": float(torch.cat(weights).norm())}
