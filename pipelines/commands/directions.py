"""Directions along which a generator's images change in one way: computed, kept for the studio, drawn."""

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from espalier.data.errors import InputError
from espalier.data.files import whole_file
from espalier.data.store import Store
from espalier.pipelines.commands.evaluate import own_or_imagenet
from espalier.stages.artifacts.artifact import condition_for, kind_of, latents_for, load_artifact, load_generator
from espalier.stages.artifacts.record import Record
from espalier.stages.artifacts.workfolder import work_root
from espalier.stages.contracts.condition import rows
from espalier.stages.contracts.in_parts import squared
from espalier.stages.evaluation.class_reader import learn_classes
from espalier.stages.evaluation.evaluation import KNOWN, check_classes
from espalier.stages.evaluation.reference import reference
from espalier.stages.features.load import load_extractor
from espalier.stages.kinds.grids import grid, save_image
from espalier.stages.kinds.sampling import generate
from espalier.stages.latents.directions import Direction, along, closed_form, from_labels
from espalier.stages.latents.space import Space
from espalier.stages.process.device import choose_device

SAMPLES, MOST_REALS, FEWEST_REALS = 1000, 1000, 100
"""Samples of which standard deviations and labels are taken; images from which the classes are learnt."""
STRENGTHS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
"""Standard deviations by which a picture moves."""


def draw_directions(path: Path, number: int, labels: bool, seed: int, out: Path) -> list[str]:
    """Draw one sample moved along each direction, a row each. Returns their names. Those of labels are kept for the studio.

    Raises:
        InputError: the artifact makes no images, no layer takes its latents, or `labels` and the classes of its dataset cannot be
            told from its images.
    """
    device = choose_device()
    generator, record = load_generator(path, device)
    if kind_of(record, path).name != "images":
        raise InputError(f"{path} makes no images, so directions cannot be shown")
    found = closed_form_of(path, generator, record, number)
    if labels:
        of_labels = _of_labels(path, generator, record)
        _keep(path, of_labels)
        found += of_labels
    space = Space(generator)
    condition = condition_for(path, record, 1, device)
    point = space.points(latents_for(record, 1, seed, device), condition)
    points = torch.cat([direction.moved(point, strength) for direction in found for strength in STRENGTHS])
    images = generate(space, points, rows(condition, torch.zeros(len(points), dtype=torch.int64, device=device)))
    save_image(grid(images, columns=len(STRENGTHS)), out)
    return [direction.name for direction in found]


def closed_form_of(path: Path, generator: nn.Module, record: Record, number: int) -> list[Direction]:
    """The first directions in closed form, named 1, 2, ...

    Raises:
        InputError: no layer of the generator takes the latent.
    """
    points = _points(path, generator, record)
    device = points.device
    try:
        length = record.config["network"]["latent"]
        vectors = closed_form(generator, length, number, condition_for(path, record, 1, device))
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error
    return [along(str(place), vector, points) for place, vector in enumerate(vectors, 1)]


def _points(path: Path, generator: nn.Module, record: Record) -> Tensor:
    device = choose_device()
    latents = latents_for(record, SAMPLES, 0, device)
    return Space(generator).points(latents, condition_for(path, record, SAMPLES, device))


def _of_labels(path: Path, generator: nn.Module, record: Record) -> list[Direction]:
    """A direction for each class of the dataset, which a classifier reads from samples."""
    if record.classes:
        raise InputError(f"{path} is told the class of each image, so no direction gives it; leave out --labels")
    store = Store(Path(record.dataset.path))
    check_classes(store)
    device, count = choose_device(), min(MOST_REALS, store.manifest.count // 2)
    extractor = load_extractor(own_or_imagenet(store), device)
    if count < (least := max(FEWEST_REALS, extractor.least)):
        raise InputError(
            f"{store.path} has {store.manifest.count} images, and its classes are learnt from {2 * least} or more"
        )
    reals = reference(store, record.config["resolution"], extractor, count)
    reader = learn_classes(reals.shown)
    if (known := reader.recognised(reals.others)) < KNOWN:
        raise InputError(
            f"the classes of {store.path} cannot be told from its images: {known:.0%} of other reals are right, "
            f"{KNOWN:.0%} are needed"
        )
    points = _points(path, generator, record)
    images = squared(generate(Space(generator), points))  # as the reals are
    labels = reader.classes[reader.logits(images, extractor(images)).argmax(dim=1)].to(points.device)
    found = []
    for number, name in enumerate(store.manifest.classes):
        try:
            found.append(along(name, from_labels(points, labels, number), points))
        except ValueError:  # the generator makes none of this class, or nothing else
            continue
    return found


def _kept_at(path: Path) -> Path:
    return work_root() / "directions" / f"{load_artifact(path).digest.replace(':', '-')}.safetensors"


def _keep(path: Path, found: list[Direction]) -> None:
    """Keep directions where the studio looks for them."""
    if not path.is_dir() or not found:
        return
    about = {"names": json.dumps([one.name for one in found]), "stds": json.dumps([one.std for one in found])}
    with whole_file(_kept_at(path)) as partial:
        save_file({"directions": torch.stack([one.vector.cpu() for one in found])}, partial, metadata=about)


def kept(path: Path) -> list[Direction]:
    """The directions from labels that were kept for an artifact's weights; none if there are none."""
    file = _kept_at(path)
    if not file.is_file():
        return []
    with safe_open(file, "pt") as opened:
        about, vectors = opened.metadata(), opened.get_tensor("directions")
    named = zip(json.loads(about["names"]), vectors, json.loads(about["stds"]), strict=True)
    return [Direction(name, vector, std) for name, vector, std in named]
