"""The ends shared by all networks: class labels into the generator, features to a logit."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

MakeLinear = Callable[[int, int], nn.Module]


class LatentWithClass(nn.Module):
    """Latent (B, latent) and class labels (B,) -> (B, latent + width): concatenates a learned class embedding."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.added = width if classes else 0
        self.embed = nn.Embedding(classes, width) if classes else None

    def forward(self, z: Tensor, labels: Tensor | None) -> Tensor:
        if self.embed is None:
            return z
        if labels is None:
            raise ValueError("this generator needs class numbers")
        return torch.cat([z, self.embed(labels)], dim=1)


def added_features(module: nn.Module | None) -> int:
    """The number of features that a trick's module appends to its input; 0 without one."""
    return 0 if module is None else int(module.added_features)  # type: ignore[arg-type]


class Judgement(nn.Module):
    """Last features h (B, width) -> logits (B,), with the modules that tricks add around the last dense layer.

    `similarity`, if given, is a module (B, width) -> (B, width + its `added_features`), whose `build(width)` is called
    first. With `classes`, the logit is linear(h) + <embed(y), h> (Miyato and Koyama, "cGANs with Projection
    Discriminator", equation 7). `make_linear` (inputs, outputs) makes the network's type of dense layer. `width` is the
    width of the features. Logits are computed in float32, whatever the precision of what comes before.
    """

    def __init__(self, width: int, make_linear: MakeLinear, similarity: nn.Module | None, classes: int) -> None:
        super().__init__()
        self.similarity = similarity
        if similarity is not None:
            similarity.build(width)  # type: ignore[operator]
        self.width = width + added_features(similarity)
        self.linear = make_linear(self.width, 1)
        self.embed = nn.Embedding(classes, self.width) if classes else None

    def forward(self, h: Tensor, features: list[Tensor] | None, labels: Tensor | None) -> Tensor:
        if self.similarity is not None:
            h = self.similarity(h)
        if features is not None:
            features.append(h)
        if self.embed is not None and labels is None:
            raise ValueError("this discriminator needs class numbers")
        with torch.autocast(h.device.type, enabled=False):  # in bfloat16, logits above 16 are multiples of 0.125
            h = h.to(torch.promote_types(h.dtype, torch.float32))
            logits: Tensor = self.linear(h).flatten()
            return logits if self.embed is None else logits + (self.embed(labels) * h).sum(1)
