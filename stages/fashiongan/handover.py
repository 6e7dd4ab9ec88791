"""FashionGAN's hand-over: maps that the first stage made, for the second to learn on and to translate with.

The released demo smooths the logits of each class by a 5x5 kernel that is nearly a box (a Gaussian of 15 pixels), at
128x128, before it takes the likeliest class. At other sizes the kernel is as much smaller or larger, and 1x1 at 32x32.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from espalier.data.errors import InputError
from espalier.data.store import Store
from espalier.models.fashiongan.told import CLASSES, SentenceAndMap
from espalier.stages.artifacts.artifact import Artifact, load_generator
from espalier.stages.config.params import PARAMS
from espalier.stages.config.stage import StageConfig
from espalier.stages.fashiongan.networks import Fashion
from espalier.stages.fashiongan.outfits import AT_ONCE, Outfits, codes_of
from espalier.stages.fashiongan.text import load_text
from espalier.stages.kinds.maps import classes_of
from espalier.stages.process.seeds import derive_seed

SIDE, SIGMA = 5, 15.0
PUBLISHED = 128
"""The resolution that the kernel's side is meant for."""


def smoothed(logits: Tensor) -> Tensor:
    """Logits (B, 7, R, R), each class smoothed."""
    side = round(SIDE * logits.shape[-1] / PUBLISHED) // 2 * 2 + 1
    places = torch.arange(side, device=logits.device) - side // 2
    bell = torch.exp(-places.square() / (2 * (SIGMA * side / SIDE) ** 2)).to(logits)
    kernel = torch.outer(bell, bell)
    kernel = (kernel / kernel.sum()).expand(CLASSES, 1, side, side)
    return F.conv2d(logits, kernel, padding=side // 2, groups=CLASSES)


@torch.no_grad()
def make_maps(generator: nn.Module, latent: Tensor, told: SentenceAndMap) -> Tensor:
    """New maps, classes 0..6 uint8 (B, R, R), of latents (B, latent) and what is told, by the first stage's generator."""
    return classes_of(smoothed(generator(latent, told).float()))


def made_maps(
    generator: nn.Module, length: int, outfits: Outfits, config: StageConfig, device: torch.device
) -> NDArray[np.uint8]:
    """A new map for each picture's own sentence, uint8 (N, R, R); latents of `length`, which depend on (seed, stage, picture)."""
    parts = []
    count = len(outfits.codes)
    for start in range(0, count, AT_ONCE):
        places = np.arange(start, min(start + AT_ONCE, count))
        random = torch.Generator(device).manual_seed(derive_seed(config.seed, config.name, "hand-over", start))
        latent = torch.randn((len(places), length), generator=random, device=device)
        parts.append(make_maps(generator, latent, outfits.at(places)).cpu().numpy())
    return np.concatenate(parts)


def mixed(real: NDArray[np.uint8], made: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Of each picture the true map or the made one, each for half of them; which depends on the seed."""
    chosen = np.random.default_rng(derive_seed(seed, "mixed maps")).random(len(made)) < 0.5
    return np.where(chosen[:, None, None], made, real)


def conditioning_of(config: StageConfig, store: Store, parent: Artifact | None, device: torch.device) -> Outfits:
    """The condition of each image of a stage's dataset: its sentence, and its map or one that the parent makes.

    Raises:
        InputError: the dataset has no sentences or maps, or the encoder's codes are of another length.
    """
    network, resolution = config.network, config.resolution
    assert isinstance(network, Fashion) and resolution is not None and config.encoder is not None
    store.verify_told()
    text = None if config.encoder == config.dataset else load_text(config.encoder, device)
    codes, real = codes_of(store, resolution, text, network.human), store.maps(resolution)
    if codes.shape[1] != network.code + network.human:
        width = codes.shape[1] - network.human
        raise InputError(
            f"{PARAMS}: {config.pipeline}.{config.stage}.network.code: {network.code} is not the {width} of the codes of "
            f"{config.encoder}; use {width}"
        )
    form = network.map_form
    if config.maps == "real" or parent is None:
        return Outfits(codes, real, form, device)
    generator, _ = load_generator(parent.path, device)
    before = parent.config.network
    assert isinstance(before, Fashion)
    given = codes if before.human == network.human else codes_of(store, resolution, text, before.human)
    made = made_maps(generator, before.latent, Outfits(given, real, before.map_form, device), config, device)
    return Outfits(codes, mixed(real, made, config.seed) if config.maps == "mixed" else made, form, device)
