"""Train a feature network on the images of one dataset.

If Inception's weights are unavailable or unsuitable for such images, generated and real samples are compared by a network
trained on the dataset's own images. Its task is contrastive: match two views of each image of a batch, shifted, partly
covered and noisy. With z the unit-length projections of n views, and w those of n negatives that cannot be from the dataset
(images with shuffled tiles, mixed with noise, or overlaid),

    loss = - mean over i of log( exp(z_i . z'_i / 0.1) / sum over j of (exp(z_i . z'_j / 0.1) + exp(z_i . w_j / 0.1)) )

and the same with the two views swapped.

Source: van den Oord et al., "Representation Learning with Contrastive Predictive Coding", equation 4; Chen et al., "A Simple
Framework for Contrastive Learning" (SimCLR) for views and projection; w is our addition, since features trained
on the dataset alone take anything for it. Colours and left/right are not augmented: features must distinguish them.
Metrics computed with it are named local, such as `fid_local`, and are comparable only for the same network.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from espalier.data.errors import InputError
from espalier.data.sources.source import Resolution
from espalier.data.store import Store
from espalier.models.features import FeatureNetwork
from espalier.stages.config.params import ARTIFACTS
from espalier.stages.config.sections import check_resolution, options_of
from espalier.stages.contracts.options import Options
from espalier.stages.contracts.published import published
from espalier.stages.contracts.stage_type import StageType
from espalier.stages.features.local import LEAST_RECOGNISED
from espalier.stages.kinds.batches import Batches
from espalier.stages.kinds.images import to_float
from espalier.stages.process.device import choose_device
from espalier.stages.process.progress import Bar
from espalier.stages.process.seeds import derive_seed

TEMPERATURE, NOISE, SHIFT, COVERED, TILES = 0.1, 0.1, 8, 3, 4
"""Shifts are up to 1/8 of the side length; the covered square is 1/3 of it."""
HELD_OUT, SMALLEST = 256, 320


class FeaturesConfig(Options):
    """Options of a feature network."""

    dataset: Path = Field(description="prepared images to train on")
    resolution: Resolution = Field(default=32, ge=8, description="side length of its input images")
    epochs: int = Field(default=4, ge=1, description="passes over the dataset")
    batch_size: int = Field(default=128, ge=2, description="images per batch")
    learning_rate: float = Field(default=0.001, gt=0, description="Adam's learning rate, decayed linearly to 0")
    seed: int = Field(default=0, ge=0)


class TrainFeatures(StageType):
    """The stage type."""

    def __init__(self, params: dict[str, Any], pipeline: str, stage: str) -> None:
        self.name = stage
        self.config = options_of(params, "features", stage, FeaturesConfig, "feature network")
        check_resolution(params, self.config.dataset, self.config.resolution, f"features.{stage}.resolution")

    def run(self) -> None:
        train_features(self.name, self.config)


def view(images: Tensor, random: torch.Generator) -> Tensor:
    """One augmented view of images (B, channels, R, R) in [-1, 1]. The random generator is on their device."""
    count, channels, side, _ = images.shape
    reach, device = side // SHIFT, images.device
    padded = F.pad(images, (reach, reach, reach, reach), mode="replicate")
    corner = torch.randint(2 * reach + 1, (2, count, 1), generator=random, device=device)
    rows, columns = corner + torch.arange(side, device=device)
    picked = padded.gather(2, rows[:, None, :, None].expand(-1, channels, -1, padded.shape[3]))
    picked = picked.gather(3, columns[:, None, None, :].expand(-1, channels, side, -1))
    size = side // COVERED
    hidden = torch.randint(side - size + 1, (2, count, 1), generator=random, device=device)
    inside = [(p := torch.arange(side, device=device) - h).ge(0) & p.lt(size) for h in hidden]
    cover = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    noise = torch.randn(picked.shape, generator=random, device=device)
    return picked.masked_fill(cover, 0.0) + NOISE * noise


def spoilt(images: Tensor, random: torch.Generator) -> Tensor:
    """As many negatives as there are images (B, channels, R, R), by turns: tiles of 1/4 of the side length, shuffled; a blend of
    30% to 100% uniform noise in [-1, 1]; and the mean of two images."""
    device, tile = images.device, images.shape[-1] // TILES
    tiles = F.unfold(images, tile, stride=tile)
    order = torch.rand((len(images), TILES**2), generator=random, device=device).argsort(dim=1)
    laid = F.fold(tiles.gather(2, order[:, None].expand_as(tiles)), images.shape[-1], tile, stride=tile)
    share = torch.rand((len(images), 1, 1, 1), generator=random, device=device)
    noise = torch.rand(images.shape, generator=random, device=device) * 2 - 1
    noisy = torch.lerp(images, noise, 0.3 + 0.7 * share)
    kinds = torch.stack([laid, noisy, (images + images.roll(1, dims=0)) / 2])
    turn = torch.arange(len(images), device=device)
    return kinds[turn % len(kinds), turn]


def contrast(one: Tensor, other: Tensor, spoilt: Tensor) -> Tensor:
    """The loss of two views' projections (B, d) of unit length, and the negatives' (M, d)."""
    right, losses = torch.arange(len(one), device=one.device), []
    for a, b in ((one, other), (other, one)):
        losses.append(F.cross_entropy(a @ torch.cat([b, spoilt]).t() / TEMPERATURE, right))
    return torch.stack(losses).mean()


def train_features(name: str, config: FeaturesConfig) -> None:
    """Train, test and publish a feature network under this name."""
    device = choose_device()
    store = Store(config.dataset)
    images = store.images(config.resolution)
    if images.shape[1] != images.shape[2]:
        raise InputError(
            f"the images of {config.dataset} are not square, and a feature network learns from squares; use ImageNet's "
            "(features: imagenet), or fit: crop or pad"
        )
    if len(images) < SMALLEST:
        raise InputError(
            f"the dataset {config.dataset} has {len(images)} images, too few to train a feature network; use "
            f"{SMALLEST} or more, of which {HELD_OUT} are held out"
        )
    torch.manual_seed(derive_seed(config.seed, name, "features"))
    network = FeatureNetwork(config.resolution, store.manifest.channels).to(device)
    batches = Batches(images, config.seed, device, left_out=HELD_OUT)
    _learn(name, network, batches, config, device)
    recognised = _recognised(network, images[batches.held_out], config.seed, device)
    out = ARTIFACTS / "features" / name
    inputs = {"dataset": store.digest}
    metrics = {"recognised": recognised}
    record = {
        "config": config.model_dump(mode="json"),
        "channels": store.manifest.channels,
        "inputs": inputs,
        **metrics,
    }
    with published(out, record, metrics, {"features": network}):
        pass
    print(f"features {name} are done: {out}  recognised {recognised:.3f} of {HELD_OUT} held-out images")
    if recognised < LEAST_RECOGNISED:
        print(
            f"features {name}: fewer than {LEAST_RECOGNISED:.0%} are recognised, so metrics with it say little; set more epochs"
        )


def _learn(name: str, network: FeatureNetwork, batches: Batches, config: FeaturesConfig, device: torch.device) -> None:
    count = len(batches.trained_on)
    size = min(config.batch_size, count)
    optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate)
    random = torch.Generator(device).manual_seed(derive_seed(config.seed, name, "views"))
    total = count * config.epochs
    with Bar(f"features {name}", total) as bar:
        for done in range(0, total, size):
            optimizer.param_groups[0]["lr"] = config.learning_rate * (1 - done / total)
            batch = batches.at(done, size).contiguous()
            seen = view(batch, random), view(batch, random), view(spoilt(batch, random), random)
            loss = contrast(*network.projected(torch.cat(seen)).chunk(3))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if bar.due():
                bar.show(done, f"loss {loss.item():.3f}")
    network.eval()


@torch.no_grad()
def _recognised(network: FeatureNetwork, images: NDArray[np.uint8], seed: int, device: torch.device) -> float:
    """Fraction of images whose first view is nearest to its own second view."""
    random = torch.Generator(device).manual_seed(derive_seed(seed, "recognised"))
    seen = to_float(torch.from_numpy(np.array(images)).to(device)).contiguous()
    one, other = (network.projected(view(seen, random)) for _ in range(2))
    found = (one @ other.t()).argmax(dim=1).cpu()
    return float((found == torch.arange(len(found))).double().mean())
