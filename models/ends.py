"""The ends shared by all networks: class labels into the generator, features to a logit."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from espalier.models.layers import EqualizedEmbedding, EqualizedWeight

MakeLinear = Callable[[int, int], nn.Module]


def _rms(weight: object) -> float:
    assert isinstance(weight, Tensor)
    return float(weight.square().mean().sqrt())


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
    Discriminator", equation 7), where each embedding is drawn and scaled like the last layer's weights, so that neither
    part outweighs the other. `make_linear` (inputs, outputs) makes the network's type of dense layer. `width` is the
    width of the features. Logits are computed in float32, whatever the precision of what comes before.
    """

    def __init__(self, width: int, make_linear: MakeLinear, similarity: nn.Module | None, classes: int) -> None:
        super().__init__()
        self.similarity = similarity
        if similarity is not None:
            similarity.build(width)  # type: ignore[operator]
        self.width = width + added_features(similarity)
        self._make_linear = make_linear
        self.linear = make_linear(self.width, 1)
        self.embed = self._embedding(classes) if classes else None

    def _embedding(self, classes: int) -> nn.Module:
        if isinstance(self.linear, EqualizedWeight):
            return EqualizedEmbedding(classes, self.width, gain=1.0)
        return nn.Embedding(classes, self.width)

    @torch.no_grad()
    def initialise_classes(self) -> None:
        """Draw the embeddings like the last layer's weights. A network calls this once those are drawn."""
        if isinstance(self.embed, nn.Embedding):
            self.embed.weight.normal_(std=_rms(self.linear.weight))

    @torch.no_grad()
    def another(self, outputs: int) -> nn.Module:
        """Another dense layer for the same features, drawn like the last one."""
        layer = self._make_linear(self.width, outputs)
        if not isinstance(layer, EqualizedWeight):
            layer.weight.normal_(std=_rms(self.linear.weight))  # type: ignore[operator]
            if layer.bias is not None:
                layer.bias.zero_()  # type: ignore[operator]
        return layer

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
