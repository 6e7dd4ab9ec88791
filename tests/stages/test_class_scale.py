"""The class's part of a logit and the image's are of one size when training begins, in every network."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from espalier.stages.networks.build import build_networks
from tests.stages.test_tricks_together import configured

NETWORKS: dict[str, dict[str, Any]] = {
    "progan": {"name": "progan", "latent": 8, "base": 512, "largest": 128},
    "dcgan": {"name": "dcgan", "latent": 8, "generator_width": 8, "discriminator_width": 16},
    "resnet": {"name": "resnet", "latent": 8, "generator_width": 16, "discriminator_width": 64},
    "r3gan": {"name": "r3gan", "latent": 8, "base": 512, "largest": 128},
    "stylegan2": {"name": "stylegan2", "latent": 8, "base": 512, "largest": 128, "style": 8},
}


@pytest.mark.parametrize("classes", [2, 10, 1000])
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("trick", ["projection", "acgan"])
def test_the_two_parts_are_of_one_size(network: str, trick: str, classes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.stages.test_tricks_together.NETWORKS", NETWORKS)
    of_image, of_class = 0.0, 0.0
    for seed in range(12):  # one row of weights alone may happen to be nearly orthogonal to the features
        config = configured({"loss": "hinge", trick: {}}, network).model_copy(update={"seed": seed})
        discriminator: Any = build_networks(config, 3, torch.device("cpu"), classes).discriminator
        images = torch.randn(64, 3, 8, 8, generator=torch.Generator().manual_seed(seed)).tanh()
        image_part, class_part = parts(discriminator, images, torch.arange(64) % classes)
        of_image += float(image_part.square().mean())
        of_class += float(class_part.square().mean())
    assert 1 / 3 < math.sqrt(of_class / of_image) < 3


@torch.no_grad()
def parts(discriminator: Any, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """What the image and what the class contribute to the logit, or the logits of the class head."""
    features = list[Tensor]()
    discriminator(images, features, labels)
    h, logit = features[-1], discriminator.logit
    head = getattr(discriminator, "class_head", None)
    return logit.linear(h).flatten(), (logit.embed(labels) * h).sum(1) if head is None else head(h)
