"""Flip, cut and add bytes in every file that is read again: nothing that differs from what was written may be read.

A door is what reads a file: a dataset, an artifact, a checkpoint under its own and under another name, a feature network, a
sentence encoder.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.faults.crash_points import ARTIFACT, make_project, train
from espalier.data.errors import InputError
from espalier.data.store import Store
from espalier.models.fashiongan.sentence import SentenceEncoder
from espalier.models.features import FeatureNetwork
from espalier.pipelines.run.dag import Node
from espalier.pipelines.run.results import metrics_of
from espalier.stages.artifacts.artifact import load_artifact
from espalier.stages.artifacts.checkpoint import read_checkpoint
from espalier.stages.artifacts.workfolder import checkpoints_in
from espalier.stages.contracts.published import published
from espalier.stages.fashiongan.text import load_text
from espalier.stages.features.local import load_features

CPU = torch.device("cpu")
FLIPS = 60
"""Bits to flip in each file, one at a time, beside those of its first and last bytes."""


@dataclass(frozen=True)
class Door:
    """What reads these files, and raises InputError if one is not as it was written."""

    name: str
    files: list[Path]
    read: Callable[[], object]


def doors(folder: Path) -> Iterator[Door]:
    """Every door, with files that were just written."""
    project = make_project(folder / "project")
    store = project / "artifacts/datasets/dolls"
    yield Door("dataset", sorted(store.iterdir()), lambda: _whole_store(store))
    train(project)
    artifact = project / ARTIFACT
    names = ("stage.json", "metrics.json", "generator.safetensors", "discriminator.safetensors")
    yield Door("artifact", [artifact / name for name in names], lambda: _whole_artifact(artifact))
    (work,) = (project / ".work").glob("chain@r4/*")
    checkpoint = checkpoints_in(work)[0][1]
    yield Door("checkpoint", [checkpoint], lambda: read_checkpoint(checkpoint))
    other = checkpoint.with_name("pinned-r4.pt")
    other.write_bytes(checkpoint.read_bytes())
    yield Door("checkpoint under another name", [other], lambda: read_checkpoint(other))
    yield _feature_network(folder / "features/dolls")
    yield _encoder(folder / "texts/outfits")


def harmed(content: bytes) -> Iterator[bytes]:
    """The content with one bit flipped, at places over the whole file; cut; and with something added."""
    random = np.random.default_rng(len(content))
    ends = [*range(min(16, len(content))), *range(max(0, len(content) - 90), len(content))]
    for place in [*random.integers(len(content), size=FLIPS).tolist(), *ends]:
        yield content[:place] + bytes([content[place] ^ (1 << random.integers(8))]) + content[place + 1 :]
    yield from (content[:-1], content[: len(content) // 2], b"", content + b"\n", content + content)


def accepted(door: Door) -> tuple[int, list[str]]:
    """The number of mutations of a door's files, and those that were read."""
    door.read()
    tried, read = 0, []
    for file in door.files:
        content = file.read_bytes()
        for number, one in enumerate(harmed(content)):
            file.write_bytes(one)
            tried += 1
            try:
                door.read()
            except InputError:
                continue
            read.append(f"{door.name}: mutation {number} of {file.name}")
        file.write_bytes(content)
    door.read()
    return tried, read


def _whole_store(path: Path) -> object:
    store = Store(path)
    store.verify_conditions()
    return store.labels(), store.records(), [store.images(side) for side in store.manifest.resolutions]


def _whole_artifact(path: Path) -> object:
    artifact = load_artifact(path)
    metrics = metrics_of(Node("chain@r4", (), (path,)))
    if not metrics:  # a page goes on without them
        raise InputError("the metrics are damaged")
    return artifact.weights("generator"), artifact.weights("discriminator"), metrics


def _feature_network(path: Path) -> Door:
    with published(path, {"config": {"resolution": 8}, "channels": 3}, {}, {"features": FeatureNetwork(8, 3)}):
        pass
    return Door(
        "feature network", [path / "stage.json", path / "features.safetensors"], lambda: load_features(path, CPU)
    )


def _encoder(path: Path) -> Door:
    values = {"garment": ["dress", "shirt"]}
    record = {"config": {"width": 4, "layers": 1}, "vocabulary": ["a", "red", "dress"], "values": values}
    with published(path, record, {}, {"encoder": SentenceEncoder(3, 4, 1, {"garment": 2})}):
        pass
    return Door("sentence encoder", [path / "stage.json", path / "encoder.safetensors"], lambda: load_text(path, CPU))
