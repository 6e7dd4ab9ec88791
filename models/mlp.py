"""Dense networks for points, (B, dimensions), as used for the papers' two-dimensional data.

Sources: the released PacGAN code (generator of 4 layers of 400 with batch norm, discriminator of 3 maxout layers of
200 units of 5 pieces, weights from N(0, 0.02)); Gulrajani et al.'s gan_toy.py (3 layers of 512, ReLU, He weights);
Metz et al.'s demo (2 layers of 128, tanh, orthogonal weights of gain 1.4). Biases start at 0, except with
`initial` uniform: U(-1, 1) / sqrt(inputs) for weights and biases, PyTorch's default (LeCun et al., "Efficient BackProp").
"""

from typing import Literal

from torch import Tensor, nn

from espalier.models.ends import Judgement, LatentWithClass, added_features
from espalier.models.hidden import Hidden, HiddenPlan

Initial = Literal["he", "normal", "orthogonal", "uniform"]


def _initialise(network: nn.Module, initial: Initial) -> None:
    if initial == "uniform":
        return
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            if initial == "he":
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
            elif initial == "normal":
                nn.init.normal_(layer.weight, std=0.02)
            else:
                nn.init.orthogonal_(layer.weight, gain=1.4)
            nn.init.zeros_(layer.bias)


class Maxout(nn.Module):
    """(B, inputs) -> (B, outputs): the maximum over `pieces` linear maps (Goodfellow et al., "Maxout Networks")."""

    def __init__(self, inputs: int, outputs: int, pieces: int) -> None:
        super().__init__()
        self.linear, self.pieces = nn.Linear(inputs, outputs * pieces), pieces

    def forward(self, x: Tensor) -> Tensor:
        pieces: Tensor = self.linear(x)
        return pieces.view(len(x), -1, self.pieces).max(2).values


class Generator(nn.Module):
    """Latent (B, latent) -> points (B, channels), with a linear output."""

    def __init__(
        self,
        channels: int,
        latent: int,
        width: int,
        depth: int,
        initial: Initial,
        hidden: HiddenPlan,
        classes: int = 0,
        class_width: int = 0,
    ) -> None:
        super().__init__()
        self.latent, self.channels = latent, channels
        self.input = LatentWithClass(classes, class_width)
        sizes = [latent + self.input.added, *[width] * depth]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:], strict=False))
        self.point = nn.Linear(sizes[-1], channels)
        _initialise(self, initial)
        self.after = nn.ModuleList(Hidden(width, hidden) for _ in range(depth))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        x = self.input(z, labels)
        for layer, after in zip(self.layers, self.after, strict=True):
            x = after(layer(x), labels)
        points: Tensor = self.point(x)
        return points


class Discriminator(nn.Module):
    """Points (B, channels) -> logits (B,). If `features` is a list, each layer's output is appended to it.

    With `maxout` pieces, hidden layers are maxout instead of linear plus activation. `statistics` and `similarity` take
    the last features, (B, width) -> (B, width + added).
    """

    def __init__(
        self,
        channels: int,
        width: int,
        depth: int,
        maxout: int,
        initial: Initial,
        hidden: HiddenPlan,
        statistics: nn.Module | None = None,
        similarity: nn.Module | None = None,
        classes: int = 0,
    ) -> None:
        super().__init__()
        self.channels = channels
        sizes = [channels, *[width] * depth]
        pairs = list(zip(sizes, sizes[1:], strict=False))
        self.layers = nn.ModuleList(Maxout(a, b, maxout) if maxout else nn.Linear(a, b) for a, b in pairs)
        self.statistics = statistics
        added = added_features(statistics)
        self.logit = Judgement(width + added, nn.Linear, similarity, classes)
        _initialise(self, initial)
        self.logit.initialise_classes()
        self.after = nn.ModuleList(nn.Identity() if maxout else Hidden(width, hidden) for _ in range(depth))

    def forward(self, points: Tensor, features: list[Tensor] | None = None, labels: Tensor | None = None) -> Tensor:
        x = points
        for layer, after in zip(self.layers, self.after, strict=True):
            x = after(layer(x))
            if features is not None:
                features.append(x)
        if self.statistics is not None:
            x = self.statistics(x)
        logits: Tensor = self.logit(x, features, labels)
        return logits
