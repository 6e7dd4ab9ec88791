"""Actions of `espalier studio`: dress people as sentences describe, sample any published generator; from artifacts alone."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from espalier.data.errors import InputError
from espalier.data.store import Store
from espalier.pipelines.address import check_address
from espalier.pipelines.commands.directions import closed_form_of, kept
from espalier.pipelines.commands.translate import read_people, unknown_words
from espalier.stages.artifacts.artifact import Artifact, condition_for, latents_for, load_artifact, load_generator
from espalier.stages.artifacts.record import Record
from espalier.stages.config.params import ARTIFACTS
from espalier.stages.fashiongan.translator import People, Translator, people_of
from espalier.stages.kinds.grids import grid
from espalier.stages.kinds.maps import coloured
from espalier.stages.kinds.sampling import generate, slerp
from espalier.stages.latents.directions import Direction
from espalier.stages.latents.space import Space
from espalier.stages.process.device import choose_device
from espalier.stages.process.distribution import installing

SHOWN, SIDE = 24, 256
"""Number of people to choose from, and the side of an image on the page, in pixels."""

QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_RUN_HISTORY": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}
"""Environment of gradio, set before its import: no telemetry, no run history in the browser."""


@dataclass(frozen=True)
class Studio:
    """What can be shown: `translator` and `people`, or for each a sentence that says why it is missing."""

    translator: Translator | str
    people: People | str


@dataclass(frozen=True)
class Dressed:
    """A dressed person: the new `map`, if a first stage generated one, the `image`, and a note to `say`."""

    map: Image.Image | None
    image: Image.Image
    say: str


def open_studio(host: str, port: int, artifact: Path, people: Path) -> None:
    """Serve the page at this address until Ctrl-C.

    Raises:
        InputError: gradio is not installed, the address cannot be used, or there is nothing to show.
    """
    if find_spec("gradio") is None:
        raise InputError(f"espalier studio needs gradio; install it with: {installing('studio')}")
    check_address(host, port, "espalier studio")
    found = find(artifact, people)
    os.environ.update(QUIET)
    from espalier.pipelines.studio.page import serve

    serve(found, host, port)


def find(artifact: Path, people: Path) -> Studio:
    """Load FashionGAN's stages and the people to choose from, if available.

    Raises:
        InputError: neither these nor another artifact that generates images exist, or the artifact cannot be used.
    """
    if not (artifact / "stage.json").is_file():
        missing = f"there is no artifact {artifact} to dress people with; train it first: espalier run fashiongan"
        if not image_artifacts():
            raise InputError(
                f"there is nothing to show: neither {artifact} nor an artifact that generates images; train one first: "
                "espalier run fashiongan, or espalier run progan"
            )
        return Studio(missing, missing)
    translator = Translator(artifact, choose_device())
    try:
        return Studio(translator, some_people(people, translator))
    except InputError as error:
        return Studio(translator, str(error))


def image_artifacts() -> list[Path]:
    """The published image generators, unconditional or conditioned on classes, sorted by resolution within a pipeline."""
    found = [(path.parent, artifact) for path in ARTIFACTS.glob("*/*/stage.json") if (artifact := _images(path.parent))]
    return [path for path, _ in sorted(found, key=lambda one: (one[0].parent, one[1].config.resolution, one[0]))]


def _images(path: Path) -> Artifact | None:
    try:
        artifact = load_artifact(path)
        config = artifact.config
    except InputError:  # a sentence encoder, a translation, or an artifact of another version
        return None
    free = config.network.conditioned_on is None and config.conditioning is None
    return artifact if config.sample_kind.name == "images" and free else None


def some_people(path: Path, translator: Translator) -> People:
    """People of a prepared dataset, at the translator's resolution.

    Raises:
        InputError: there is no dataset, it has no maps, or its images have another size or number of channels.
    """
    store, channels = Store(path), translator.artifact.record.channels
    people, _ = people_of(store, translator.resolution, SHOWN)
    if people.images.shape[-1] != channels:
        raise InputError(f"the images in {path} have {people.images.shape[-1]} channels; expected {channels}")
    return people


def one_of(people: People, index: int) -> People:
    """The person at this index."""
    here = slice(index, index + 1)
    return People(people.images[here], people.maps[here], people.attributes[here])


def uploaded(photo: Path, classes: Path, translator: Translator) -> People:
    """Read one person from an uploaded image and its segmentation map.

    Raises:
        InputError: one of the files cannot be used; the message omits its temporary folder.
    """
    try:
        read = read_people(photo, classes, translator)
    except InputError as error:
        said = str(error)
        for file in (photo, classes):
            said = said.replace(f"{file.parent}{os.sep}", "")
        raise InputError(said) from error
    return People(read.images, np.array(read.maps), read.attributes)  # a copy: Pillow's arrays are read-only


def dress(translator: Translator, people: People | None, sentence: str, seed: float | None) -> Dressed:
    """Dress one person as a sentence describes.

    Raises:
        InputError: no person is selected, the sentence describes nothing, or the seed is invalid.
    """
    if people is None:
        raise InputError("no person is selected; click on one, or upload an image and its map")
    made = translator(people, translator.codes([sentence]), checked_seed(seed))
    say = unknown_words(translator, sentence)
    return Dressed(None if made.maps is None else shown(made.maps[0]), shown(made.images[0]), say)


DIRECTIONS = 4
"""How many directions in closed form have a slider."""


def sample(
    path: Path,
    number: int,
    seed: float | None,
    other: float | None = None,
    share: float = 0,
    moves: Sequence[float] = (),
    label: str | None = None,
    of_label: float = 0,
) -> Image.Image:
    """A square grid of `number` samples of a seed, as in `espalier sample`; or interpolated by `share` (0 to 1) to `other`.

    They are moved by so many standard deviations along the first directions, and along that of a label, if one was kept.

    Raises:
        InputError: the artifact cannot be used, or a seed is invalid.
    """
    generator, record = _generator(path, load_artifact(path).digest)
    device = choose_device()
    latent = latents_for(record, number, checked_seed(seed), device)
    if share:
        latent = slerp(latent, latents_for(record, number, checked_seed(other), device), share)
    condition = condition_for(path, record, number, device)
    if not any((*moves, of_label)):
        return grid(generate(generator, latent, condition))
    space = Space(generator)
    points = space.points(latent, condition)
    for direction, strength in zip(_closed_form(path, load_artifact(path).digest), moves, strict=False):
        points = direction.moved(points, strength)
    for direction in kept(path):
        points = direction.moved(points, of_label) if direction.name == label else points
    return grid(generate(space, points, condition))


@lru_cache(maxsize=8)
def _closed_form(path: Path, digest: str) -> list[Direction]:
    return closed_form_of(path, *_generator(path, digest), DIRECTIONS)


def labels_of(path: Path) -> list[str]:
    """The labels that `espalier directions --labels` has found a direction for."""
    return [direction.name for direction in kept(path)]


@lru_cache(maxsize=8)
def _generator(path: Path, digest: str) -> tuple[nn.Module, Record]:
    """Load a generator, cached until the artifact is retrained: `digest` identifies its weights."""
    return load_generator(path, choose_device())


def checked_seed(seed: float | None) -> int:
    """Validate a seed from the form.

    Raises:
        InputError: it is not a whole number >= 0.
    """
    if seed is None or seed < 0 or seed != int(seed):
        raise InputError(f"the seed is {'empty' if seed is None else f'{seed:g}'}; use a whole number from 0 on")
    return int(seed)


def shown(pixels: NDArray[np.uint8]) -> Image.Image:
    """Convert an image uint8 (R, R, channels), or a map uint8 (R, R) to colours, for the page; small ones are upsampled
    (nearest neighbour)."""
    if pixels.ndim == 2:
        pixels = coloured(torch.from_numpy(np.array(pixels))[None])[0].permute(1, 2, 0).numpy()
    image = Image.fromarray(pixels.squeeze()).convert("RGB")
    return image.resize((SIDE, SIDE), Image.Resampling.NEAREST) if image.width < SIDE else image
