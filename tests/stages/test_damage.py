"""Damage is noticed at every door: whatever bit flips, whatever is cut or added, nothing that differs is read."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from espalier.data.errors import InputError
from espalier.data.prepare import prepare
from espalier.data.sealed import read_record
from espalier.data.sources.dolls import DollSource
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
from tests.stages.conftest import MakeTrainer
from tests.training import published as published_artifact
from tests.training import run

CPU = torch.device("cpu")
FLIPS = 60
"""Bits of each file to flip, one at a time."""


def harmed(content: bytes) -> Iterator[bytes]:
    """The content with one bit flipped, at places over the whole file; cut; and with something added."""
    random = np.random.default_rng(len(content))
    ends = [*range(min(16, len(content))), *range(max(0, len(content) - 90), len(content))]
    for place in [*random.integers(len(content), size=FLIPS).tolist(), *ends]:
        yield content[:place] + bytes([content[place] ^ (1 << random.integers(8))]) + content[place + 1 :]
    yield from (content[:-1], content[: len(content) // 2], b"", content + b"\n", content + content)


def assert_noticed(file: Path, read: Callable[[], object]) -> None:
    read()
    content = file.read_bytes()
    for number, one in enumerate(harmed(content)):
        file.write_bytes(one)
        with pytest.raises(InputError):
            pytest.fail(f"{file.name}: mutation {number} was read: {str(read())[:80]}")
    file.write_bytes(content)
    read()


def test_every_file_of_a_dataset(tmp_path: Path) -> None:
    source = DollSource(source="dolls", root=Path("x"), count=4, resolution=8)
    prepare(source, tmp_path / "dolls", lambda done, total: None, workers=1)

    def everything() -> object:
        store = Store(tmp_path / "dolls")
        store.verify_conditions()
        return store.labels(), store.records(), store.images(8), store.images(4), store.maps(8)

    files = sorted((tmp_path / "dolls").iterdir())
    assert {file.name for file in files} >= {
        "manifest.json",
        "labels.npy",
        "records.jsonl",
        "maps-8.npy",
        "images-4.npy",
    }
    for file in files:
        assert_noticed(file, everything)


def test_every_file_of_an_artifact_that_is_read_again(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    published_artifact(run(make_trainer({"kimg": 0.4})), tmp_path / "r4")
    record = read_record(tmp_path / "r4/stage.json")
    written = {p.relative_to(tmp_path / "r4").as_posix() for p in (tmp_path / "r4").rglob("*") if p.is_file()}
    assert set(record["digests"]) == written - {"stage.json"}

    def everything() -> object:
        artifact = load_artifact(tmp_path / "r4")
        metrics = metrics_of(Node("progan@r4", (), (tmp_path / "r4",)))
        if not metrics:  # a page goes on without them
            raise InputError("no metrics")
        return artifact.weights("generator"), artifact.weights("discriminator"), metrics

    for name in ("stage.json", "generator.safetensors", "discriminator.safetensors", "metrics.json"):
        assert_noticed(tmp_path / "r4" / name, everything)


@pytest.mark.parametrize("name", ["", "pinned-r4.pt", "step-00000005.pt"])
def test_a_checkpoint_under_any_name(make_trainer: MakeTrainer, tmp_path: Path, name: str) -> None:
    run(make_trainer({"kimg": 0.4}))
    path = checkpoints_in(tmp_path / "work")[0][1]
    path = path.rename(path.with_name(name or path.name))
    assert_noticed(path, lambda: read_checkpoint(path))


def test_a_checkpoint_under_the_name_of_another(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    run(make_trainer({"kimg": 0.4}))
    path = checkpoints_in(tmp_path / "work")[0][1]
    other = path.rename(path.with_name("step-00000005-0123456789abcdef.pt"))
    with pytest.raises(InputError, match="does not match the digest in its name"):
        read_checkpoint(other)


@pytest.mark.parametrize("what", ["features", "encoder"])
def test_a_feature_network_and_an_encoder(tmp_path: Path, what: str) -> None:
    if what == "features":
        path, network = tmp_path / "features/dolls", FeatureNetwork(8, 3)
        record = {"config": {"resolution": 8}, "channels": 3}
        read: Callable[[], object] = lambda: load_features(path, CPU)  # noqa: E731
    else:
        path, network = tmp_path / "texts/outfits", SentenceEncoder(3, 4, 1, {"garment": 2})
        values = {"garment": ["dress", "shirt"]}
        record = {"config": {"width": 4, "layers": 1}, "vocabulary": ["a", "red", "dress"], "values": values}
        read = lambda: load_text(path, CPU)  # noqa: E731
    with published(path, record, {}, {what: network}):
        pass
    for name in ("stage.json", f"{what}.safetensors"):
        assert_noticed(path / name, read)
