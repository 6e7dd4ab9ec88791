"""Inputs of a training stage: its dataset, its parent, and the condition of its networks."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from espalier.data.errors import InputError
from espalier.data.files import file_digest
from espalier.data.frames import SQUARE
from espalier.data.store import Manifest, Store
from espalier.stages.artifacts.artifact import Artifact, load_parent, parent_input, start_input
from espalier.stages.artifacts.record import FORMAT, Input, Record
from espalier.stages.config.load import check_start_from
from espalier.stages.config.params import PARAMS
from espalier.stages.config.stage import CONDITIONINGS, StageConfig
from espalier.stages.contracts.condition import Conditioning
from espalier.stages.contracts.published import library_versions
from espalier.stages.contracts.registry import load
from espalier.stages.fashiongan.text import ENCODER
from espalier.stages.kinds.batches import Batches
from espalier.stages.kinds.conditions import Classes, Nothing
from espalier.stages.loop.inputs import Inputs
from espalier.stages.networks.known import NETWORKS
from espalier.stages.tricks.augmentation import Augmentation

MADE_UP_CLASSES = 10


def find_inputs(config: StageConfig) -> tuple[Store, Artifact | None]:
    """The dataset and the parent that a stage starts from.

    Raises:
        InputError: one is missing.
    """
    store = Store(config.dataset)
    return store, load_parent(config.after, config.at) if config.has_parent else None


def check_inputs(config: StageConfig, store: Store, parent: Artifact | None) -> None:
    """Check a stage's inputs against its configuration, and the data against their digest.

    Raises:
        InputError: they do not match, or are damaged.
    """
    count, held_out = store.manifest.count, config.monitor.hold_out
    if count - held_out < config.batch_size:
        beside = f" without the {held_out} of monitor.hold_out" if held_out else ""
        raise InputError(
            f"the dataset {config.dataset} has {count} images, fewer than one batch of {config.batch_size}{beside}; lower "
            f"batch_size in {PARAMS} (to {max(1, count - held_out)} or less), or add images"
        )
    if store.holds_points != (config.resolution is None):
        kind, other = ("points", "images") if store.holds_points else ("images", "points")
        raise InputError(
            f"the dataset {config.dataset} holds {kind}, but the network {config.network.name} of {PARAMS}: "
            f"{config.pipeline} is for {other}"
        )
    if config.resolution is not None and config.resolution not in store.manifest.resolutions:
        largest = max(store.manifest.resolutions)
        raise InputError(
            f"{PARAMS}: {config.pipeline}.stages.{config.stage}.resolution: {config.resolution} is beyond the {largest} of the "
            f"dataset {config.dataset} (datasets.{config.dataset.name}.resolution)"
        )
    if store.shape != SQUARE:
        _check_shape(config, store)
    config.sample_kind.verify(store, config.resolution)
    if config.encoder is not None:
        store.verify_conditions()
    if config.needs_classes and not store.manifest.classes:
        needy = next(trick.name for trick in config.tricks.others if trick.needs_classes())
        raise InputError(
            f"{PARAMS}: {config.pipeline}: tricks.{needy} needs the class of each image, and the dataset {config.dataset} has "
            "none; give it classes (one folder each), or remove the trick"
        )
    if config.needs_classes:
        check_labels(config, store)
    if parent is not None:
        _check_parent(config, store, parent)


def _check_shape(config: StageConfig, store: Store) -> None:
    """Check that the networks, and the tricks, can make images that are not square.

    Raises:
        InputError: they cannot.
    """
    squares = f"the images of {config.dataset} are not square (datasets.{config.dataset.name}.fit: aspect)"
    if "generator.shape" not in config.network.places():
        shaped = [key for key, network in NETWORKS.items() if "generator.shape" in network.places()]
        raise InputError(
            f"{squares}, and the network {config.network.name} makes squares; use one of {', '.join(shaped)}, or fit: crop or pad"
        )
    if any(trick.name == "ada" for trick in config.tricks.others):
        raise InputError(f"{squares}, which tricks.ada turns as squares; use diffaugment, or fit: crop or pad")


def check_labels(config: StageConfig, store: Store) -> None:
    """Check that every image has a class.

    Raises:
        InputError: some have none, or a number beyond the classes.
    """
    labels = store.labels()
    without, beyond = int((labels < 0).sum()), int((labels >= len(store.manifest.classes)).sum())
    if without:
        raise InputError(
            f"{without} of {store.manifest.count} images of the dataset {config.dataset} have no class (in a folder of images, "
            f"those that lie beside the classes' folders), and {config.pipeline} conditions on it; move them into a class's "
            "folder, or take them out"
        )
    if beyond:
        raise InputError(
            f"the dataset at {config.dataset} is damaged: labels.npy has {beyond} numbers beyond its "
            f"{len(store.manifest.classes)} classes; prepare it again: dvc repro -f dataset@{config.dataset.name}"
        )


FEW_IMAGES = 1000
"""Below this, published GANs without augmentation memorise."""


def warnings_on(config: StageConfig, store: Store) -> list[str]:
    """What the stage's data make pointless or hopeless, one sentence each."""
    few = [] if store.holds_points else few_images(store.manifest.count, config)
    if config.needs_classes and len(store.manifest.classes) == 1:
        needy = ", ".join(f"tricks.{trick.name}" for trick in config.tricks.others if trick.needs_classes())
        return [f"{needy} conditions on the class, and all images of {config.dataset} have the same one", *few]
    return few


def few_images(count: int, config: StageConfig) -> list[str]:
    """What to expect of a dataset this small, unless its images are augmented."""
    if count >= FEW_IMAGES or any(isinstance(trick, Augmentation) for trick in config.tricks.others):
        return []
    return [
        f"{config.dataset} has {count} images: from fewer than {FEW_IMAGES:,} a GAN learns to copy them, so samples will look "
        "like training images; augment them (tricks: diffaugment, ada), add images, or take the result for a test of the set-up"
    ]


def _check_parent(config: StageConfig, store: Store, parent: Artifact) -> None:
    check_start_from(config, parent.config)
    if config.takes_over and parent.record.channels != store.manifest.channels:
        raise InputError(
            f"the parent {config.after} was trained on images of {parent.record.channels} channels, but the dataset "
            f"{config.dataset} has {store.manifest.channels}; train the parent on such images"
        )
    if config.takes_over and parent.record.shape != store.shape:
        raise InputError(
            f"the parent {config.after} makes images of another shape than {config.dataset} has: its smallest are "
            f"{parent.record.shape[0]}x{parent.record.shape[1]}, not {store.shape[0]}x{store.shape[1]}; set the dataset's fit"
        )
    if parent.record.encoder is not None and parent.record.encoder != encoder_input(config, store):
        raise InputError(
            f"the parent {config.after} was trained with another sentence encoder than the one now at {config.encoder}; "
            f"train it again: dvc repro -f {parent.config.name}"
        )


def encoder_input(config: StageConfig, store: Store) -> Input | None:
    """The lineage entry of a stage's sentence encoder, if it is conditioned on sentences.

    Raises:
        InputError: there is none.
    """
    if config.encoder is None:
        return None
    if config.encoder == config.dataset:
        return Input(path=config.encoder.as_posix(), digest=store.digest)
    file = config.encoder / ENCODER
    if not file.is_file():
        raise InputError(
            f"there is no sentence encoder at {config.encoder}; train it first: dvc repro text@{config.encoder.name}"
        )
    return Input(path=config.encoder.as_posix(), digest=file_digest(file))


def inputs_of(config: StageConfig, store: Store, parent: Artifact | None, device: torch.device, code: str) -> Inputs:
    """The inputs of a trainer."""
    kind, conditioning = config.sample_kind, _conditioning(config, store, parent, device)
    groups = store.labels() if config.needs_classes else None
    batches = Batches(
        kind.stored(store, config.resolution),
        config.seed,
        device,
        kind,
        conditioning,
        groups,
        config.samples_per_logit,
        config.monitor.hold_out,
    )
    origin = Record(
        format=FORMAT,
        config=config.resolved(),
        channels=store.manifest.channels,
        shape=store.shape,
        classes=len(store.manifest.classes) if config.needs_classes else 0,
        step=0,
        images=0,
        before=0,
        dataset=Input(path=config.dataset.as_posix(), digest=store.digest),
        parent=parent_input(parent),
        start=start_input(config),
        encoder=encoder_input(config, store),
        code=code,
        versions=library_versions(),
        outcome="",
    )
    return Inputs(store, batches, origin)


def _conditioning(config: StageConfig, store: Store, parent: Artifact | None, device: torch.device) -> Conditioning:
    if config.conditioning is not None:
        build: Callable[..., Conditioning] = CONDITIONINGS.find(config.conditioning)
        return build(config, store, parent, device)
    if config.needs_classes:
        return Classes(store.labels(), len(store.manifest.classes), device)
    if config.network.conditioning is not None:
        made: Conditioning = load(config.network.conditioning)(config, store, parent, device)
        return made
    return Nothing()


class MadeUpStore(Store):
    """Random images, in place of a dataset that is not prepared yet."""

    def __init__(self, config: StageConfig) -> None:
        resolution, count, channels = config.resolution, config.batch_size, 3
        self.path, self.form = config.dataset, (count, *([resolution, resolution] if resolution else []), channels)
        self.code_width = getattr(config.network, "code", 0)
        self.manifest = Manifest(
            format=1,
            count=count,
            channels=channels,
            resolutions=[resolution] if resolution else [],
            classes=[str(c) for c in range(MADE_UP_CLASSES)],
            source={},
            damaged=[],
            digests={},
        )

    def images(self, resolution: int) -> NDArray[np.uint8]:
        """Uniform noise."""
        shape = (self.form[0], resolution, resolution, self.form[-1])
        return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    def points(self) -> NDArray[np.float32]:
        """Gaussian noise."""
        return np.random.default_rng(0).standard_normal(self.form, dtype=np.float32)

    def maps(self, resolution: int) -> NDArray[np.uint8]:
        """Random classes."""
        return np.random.default_rng(0).integers(0, 7, self.form[:3], dtype=np.uint8)

    def codes(self) -> NDArray[np.float32]:
        """Gaussian noise."""
        return np.random.default_rng(0).standard_normal((self.form[0], self.code_width), dtype=np.float32)

    def labels(self) -> NDArray[np.int64]:
        """Classes in rotation."""
        return np.arange(self.form[0]) % MADE_UP_CLASSES


def inputs_or_made_up(config: StageConfig, device: torch.device) -> tuple[StageConfig, Inputs, bool]:
    """The stage's inputs, or random ones of the same shapes if its dataset is not prepared yet; and whether they are real."""
    prepared = True
    try:
        store = Store(config.dataset)
        config.sample_kind.stored(store, config.resolution)
        encoder_input(config, store)
    except InputError:
        prepared, store = False, MadeUpStore(config)
        config = config.model_copy(update={"encoder": config.encoder and config.dataset})  # codes are random, too
    if store.shape != SQUARE:
        _check_shape(config, store)
    if config.needs_classes:
        check_labels(config, store)
    return config, inputs_of(config, store, None, device, ""), prepared
