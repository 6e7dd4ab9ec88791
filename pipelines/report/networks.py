"""Samples of a chain's generators for its page, and the real images to compare them with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from espalier.data.errors import InputError
from espalier.data.frames import SQUARE, sides
from espalier.pipelines.report.chain import Chain, StageFacts
from espalier.pipelines.report.sheets import GRID_COLUMNS, PAIR_COLUMNS, Images, read_grid, spread
from espalier.stages.process.seeds import chosen

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from espalier.data.store import Store

MOMENTS = 9
"""Maximum number of images over time, per latent."""
REALS_AT_ONCE, NUMBERS_AT_ONCE = 1024, 2**26
"""Maximum number of real images, and of their values, compared per batch: large images must not exhaust memory."""


def makes(stage: StageFacts) -> str:
    """What its generator produces: "images", "points" or "maps"; empty if this version knows no such network."""
    from espalier.stages.networks.known import NETWORKS

    network = stage.config.get("network")
    if not isinstance(network, dict):
        return ""
    try:
        return NETWORKS.find(str(network.get("name", ""))).model_construct(**network).kind.name
    except ValueError:
        return ""


def draws_alone(stage: StageFacts) -> bool:
    """Whether it generates images from latents and classes alone; one conditioned on sentences needs more input."""
    return stage.plays and stage.record.get("encoder") is None and makes(stage) == "images"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A stage's samples, or why there are none."""

    stage: StageFacts
    images: Images | None
    why: str = ""


def drawn(stage: StageFacts, count: int) -> Drawn:
    """Samples from the first latents of the stage's seed: the same latents in every stage of a chain with one seed."""
    return _made(stage, count)


def walked(stage: StageFacts, ends: int, frames: int) -> Drawn:
    """Samples interpolated from each of `ends` latents to the next and back to the first, (ends x frames)."""
    return _made(stage, ends, frames)


def _made(stage: StageFacts, count: int, frames: int | None = None) -> Drawn:
    """Samples from `count` latents, or interpolated between them in `frames` steps each."""
    import torch

    from espalier.stages.artifacts.artifact import condition_for, latents_for, load_generator
    from espalier.stages.kinds.sampling import generate, walk
    from espalier.stages.process.device import choose_device

    where, path = choose_device(), stage.node.artifact
    try:
        generator, record = load_generator(path, where)
    except InputError as error:  # damaged, or of another version: still render the rest of the page
        return Drawn(stage, None, str(error))
    latent = latents_for(record, count, stage.config["seed"], where)
    latent = latent if frames is None else walk(latent, frames)
    condition = condition_for(path, record, len(latent), where)
    if frames is not None and isinstance(condition, torch.Tensor):
        condition = torch.zeros_like(condition)  # keep the class fixed: changing it would make the interpolation jump
    return Drawn(stage, generate(generator, latent, condition).permute(0, 2, 3, 1).numpy())


def same_latents(stages: Sequence[StageFacts]) -> list[StageFacts]:
    """The stages that use the same latents as the last one: equal length, prior and seed."""

    def asked(stage: StageFacts) -> tuple[Any, ...]:
        network = stage.config["network"]
        return network.get("latent"), network.get("prior", "normal"), stage.config.get("seed")

    return [stage for stage in stages if asked(stage) == asked(stages[-1])]


def over_time(stage: StageFacts, count: int) -> list[tuple[float, Images]]:
    """(kimg, samples from the first latents) over a training run, from the grids that the stage has published."""
    resolution, translates = stage.config.get("resolution"), stage.record.get("encoder") is not None
    files = sorted((stage.node.artifact / "samples").glob("kimg-*.png"))
    found = []
    if not isinstance(resolution, int):  # points have none
        return []
    size = sides(resolution, tuple(stage.record.get("shape", SQUARE)))
    for place in spread(len(files), MOMENTS):
        columns, each = (PAIR_COLUMNS, 2 * count) if translates else (GRID_COLUMNS, count)
        images = read_grid(files[place], size, columns, each)
        if images is not None:
            kimg = float(files[place].stem.removeprefix("kimg-"))
            found.append((kimg, images[1::2] if translates else images))  # the second of each pair is the generated one
    return found


# Real images.


def real_images(store: "Store", resolution: int, count: int) -> Images:
    """Images of a dataset, chosen at random.

    Raises:
        InputError: it has none at this resolution.
    """
    images = store.images(resolution)
    found: Images = images[np.sort(chosen(len(images), count, "shown"))]
    return found


@dataclass(frozen=True, slots=True)
class Nearest:
    """The nearest real image for each fake; `by`: a description of the distance; `copies`: number of fakes close enough
    to count as the same image in metrics/birthday.py."""

    reals: Images
    by: str
    copies: int


def nearest(fakes: Images, store: "Store") -> Nearest:
    """Nearest images in a dataset, by features if a feature network was trained on it, else by pixels.

    Raises:
        InputError: the dataset has none at this resolution, or is damaged.
    """
    import torch

    from espalier.stages.metrics.birthday import same_distance
    from espalier.stages.process.progress import Bar

    images = store.images(max(fakes.shape[1:3]))
    each = max(1, min(REALS_AT_ONCE, NUMBERS_AT_ONCE // fakes[0].size))
    measure, by = _measure(store)
    wanted = measure(fakes)
    best, where = torch.full((len(fakes),), float("inf")), torch.zeros(len(fakes), dtype=torch.long)
    with Bar("nearest reals", len(images)) as bar:
        for start in range(0, len(images), each):
            distances = torch.cdist(wanted, measure(np.array(images[start : start + each])))
            least, place = distances.min(dim=1)
            where = torch.where(least < best, place + start, where)
            best = torch.minimum(least, best)
            if bar.due():
                bar.show(start)
    same = same_distance(measure(np.stack([images[i] for i in spread(len(images), each)])))
    copies = int((best <= same).sum())
    return Nearest(np.stack([images[int(i)] for i in where]), f"{by} among all {len(images):,}", copies)


def _measure(store: "Store") -> "tuple[Callable[[Images], Tensor], str]":
    """A function from images to the space in which distances are taken, and the name of that space."""
    import torch

    from espalier.pipelines.commands.evaluate import features_of
    from espalier.stages.features.local import load_features
    from espalier.stages.process.device import choose_device

    try:
        own = features_of(store)
        features = None if own is None else load_features(own, choose_device())
    except InputError:
        features = None
    if features is None:
        return lambda images: torch.from_numpy(images).flatten(1).float() / 255, "in pixels"
    return lambda images: features(torch.from_numpy(images).permute(0, 3, 1, 2)), "in features"


def dataset_of(chain: Chain) -> Path | None:
    """The dataset that the chain was trained on, according to its last trained stage."""
    for stage in reversed(chain.trained):
        dataset = stage.record.get("dataset")
        if isinstance(dataset, dict) and dataset.get("path"):
            return Path(dataset["path"])
    return None
