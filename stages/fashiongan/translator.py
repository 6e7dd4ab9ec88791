"""Translate people by sentence with FashionGAN's published stages: generate a new map, then the image.

Source: the released demo_release/demo_full.lua. The first stage generates the map of the new outfit, and the second stage the
image for that map. Hair and face are then copied from the photo, and bare arms and legs are blended half-way to the photo's
skin colour. Pixels that are background in both maps are copied too (the paper's photos have no background to keep), except
next to the old outfit, where the photo's pixels are partly cloth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation
from torch import Tensor

from espalier.data.errors import InputError
from espalier.data.store import Store
from espalier.models.fashiongan.condition import SentenceAndMap
from espalier.stages.artifacts.artifact import Artifact, load_artifact, load_generator
from espalier.stages.fashiongan.handover import make_maps
from espalier.stages.fashiongan.networks import Fashion, FashionImage, FashionShape
from espalier.stages.fashiongan.outfits import BACKGROUND, FACE, HAIR, given_map, person
from espalier.stages.fashiongan.text import Text, load_text
from espalier.stages.kinds.images import to_bytes
from espalier.stages.kinds.sampling import draw
from espalier.stages.process.seeds import chosen, derive_seed

LEGS, ARMS = 5, 6
BESIDE = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True)
class People:
    """People to translate: `images` uint8 (N, R, R, channels), `maps` of classes, uint8 (N, R, R), `attributes` float32 (N, 10);
    see `espalier.stages.fashiongan.outfits.person`."""

    images: NDArray[np.uint8]
    maps: NDArray[np.uint8]
    attributes: NDArray[np.float32]


def people_of(store: Store, resolution: int, count: int) -> tuple[People, NDArray[np.int64]]:
    """People of a dataset, at most `count`, chosen at random; and their places in it, in order.

    Raises:
        InputError: it has no images or maps of this resolution.
    """
    some = np.sort(chosen(store.manifest.count, count, "people"))
    images, maps, records = store.images(resolution)[some], store.maps(resolution)[some], store.records()
    about = [person(records[i], image, map) for i, image, map in zip(some, images, maps, strict=True)]
    return People(images, maps, np.array(about, dtype=np.float32)), some


@dataclass(frozen=True)
class Translated:
    """Result: `images` uint8 (N, R, R, channels); `raw`, the second stage's output before blending; `maps` uint8 (N, R, R)
    from the first stage, None without one."""

    images: NDArray[np.uint8]
    raw: NDArray[np.uint8]
    maps: NDArray[np.uint8] | None


class Translator:
    """The second stage's artifact with its parent (the first stage's) and its sentence encoder.

    Raises:
        InputError: one is missing, or does not match the version used in training.
    """

    def __init__(self, path: Path, device: torch.device) -> None:
        image = load_artifact(path)
        network = image.config.network
        if not isinstance(network, FashionImage):
            raise InputError(
                f"{path} has the network {network.name}, which makes no dressed people; use a stage with the network "
                "fashion_image, such as artifacts/fashiongan/image"
            )
        self.device, self.artifact, self.network = device, image, network
        self.generator, _ = load_generator(path, device)
        self.resolution = int(image.record.config["resolution"])
        self.text = self._encoder(image)
        self.shape: torch.nn.Module | None = None
        if image.record.parent is not None:
            self._load_shape(Path(image.record.parent.path), image)

    def _load_shape(self, path: Path, image: Artifact) -> None:
        before = load_artifact(path)
        if image.record.parent is None or before.digest != image.record.parent.digest:
            raise InputError(
                f"{path} is not the first stage that {image.path} was trained after; bring both back with 'dvc checkout', or "
                f"train the second again: dvc repro {image.config.name}"
            )
        network = before.config.network
        assert isinstance(network, FashionShape)
        self.shape, _ = load_generator(path, self.device)
        self.shape_network = network

    def _encoder(self, image: Artifact) -> Text | None:
        encoder = image.record.encoder
        if encoder is None or encoder.path == image.record.dataset.path:
            return None
        text = load_text(Path(encoder.path), self.device)
        if text.digest != encoder.digest:
            raise InputError(
                f"the sentence encoder at {encoder.path} is not the one that {image.path} was trained with, and its codes mean "
                "other things; bring it back with 'dvc checkout', or train the stages again"
            )
        return text

    def codes(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """Encode free-form sentences, float32 (N, width).

        Raises:
            InputError: a sentence cannot be encoded, or there is no encoder.
        """
        if self.text is None:
            raise InputError(
                f"{self.artifact.path} was trained on the sentence codes of its dataset and has no encoder, so it takes no "
                "other sentences; use one of the dataset"
            )
        found: NDArray[np.float32] = self.text.encode(sentences).cpu().numpy()
        return found

    def __call__(self, people: People, codes: NDArray[np.float32], seed: int = 0) -> Translated:
        """Dress each person as the sentence code describes; `codes` float32 (N, width). Latents depend on the seed."""
        maps = torch.from_numpy(people.maps).to(self.device)
        new = maps
        if self.shape is not None:
            latent = self._latents(len(maps), self.shape_network, seed, "shape")
            condition = SentenceAndMap(
                self._code(people, codes, self.shape_network.human), given_map(maps, self.shape_network.map_form)
            )
            new = make_maps(self.shape, latent, condition)
        latent = self._latents(len(maps), self.network, seed, "image")
        condition = SentenceAndMap(self._code(people, codes, self.network.human), given_map(new, self.network.map_form))
        with torch.no_grad():
            raw = to_bytes(self.generator(latent, condition)).permute(0, 2, 3, 1).cpu().numpy()
        made = None if self.shape is None else new.cpu().numpy()
        return Translated(with_photo(people, raw, made), raw, made)

    def _latents(self, count: int, network: Fashion, seed: int, stage: str) -> Tensor:
        random = torch.Generator(self.device).manual_seed(derive_seed(seed, "translate", stage))
        return draw((count, network.latent), network.prior, random)

    def _code(self, people: People, codes: NDArray[np.float32], human: int) -> Tensor:
        joined = np.concatenate([people.attributes, codes], axis=1) if human else codes
        return torch.from_numpy(joined).to(self.device)


def with_photo(people: People, made: NDArray[np.uint8], maps: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """Blend the generated images, uint8 (N, R, R, channels), with the parts of the photo that stay; without new `maps`, only
    hair and face."""
    result = made.copy()
    for i, (image, old) in enumerate(zip(people.images, people.maps, strict=True)):
        stays = np.isin(old, (HAIR, FACE))
        if maps is not None:
            for part in (LEGS, ARMS):
                here, there = maps[i] == part, old == part
                if here.any() and there.any():
                    skin = np.median(image[there], axis=0)
                    result[i][here] = np.rint((made[i][here] + skin) / 2).astype(np.uint8)
            stays |= ~binary_dilation(old != BACKGROUND, BESIDE) & (maps[i] == BACKGROUND)
        result[i][stays] = image[stays]
    return result
