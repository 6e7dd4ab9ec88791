"""Metrics of a dataset's classes: against closed forms, on images whose classes are known, and where there are none to count."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from espalier.data.errors import InputError
from espalier.data.prepare import prepare
from espalier.data.sources.folder import FolderSource
from espalier.data.store import Store
from espalier.models.features import FeatureNetwork
from espalier.stages.evaluation.class_reader import learn_classes
from espalier.stages.evaluation.evaluation import evaluate
from espalier.stages.evaluation.reference import Reals
from espalier.stages.features.local import Features
from espalier.stages.metrics.class_shares import class_shares

COUNT, SHARES = 72, {"dark": 0.25, "light": 0.25, "striped": 0.5}


def drawn(kind: str, count: int, seed: int) -> np.ndarray:
    """Noisy images of a class, uint8 (count, 8, 8, 3)."""
    noise = np.random.default_rng(seed).integers(0, 60, (count, 8, 8, 3))
    stripes = np.arange(8)[:, None, None] % 2 * 190
    return (noise + {"dark": 0, "light": 190, "striped": stripes}[kind]).astype(np.uint8)


def fakes(kind: str) -> Tensor:
    return torch.from_numpy(drawn(kind, COUNT, 99)).permute(0, 3, 1, 2).contiguous()


def make_store(folder: Path, kinds: dict[str, str]) -> Store:
    """160 images, by the shares, each class in a folder named as `kinds` says."""
    for number, (kind, share) in enumerate(SHARES.items()):
        for i, image in enumerate(drawn(kind, int(share * 160), number)):
            file = folder / "images" / kinds.get(kind, str(i % 2)) / f"{kind}{i}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(file)
    source = FolderSource(source="folder", root=folder / "images", resolution=8)
    prepare(source, folder / "set", lambda done, total: None, workers=1)
    return Store(folder / "set")


@pytest.fixture
def features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Features:
    """A network that has learned nothing, which is enough for such images; the work folder is a fresh one."""
    monkeypatch.chdir(tmp_path)
    return Features(FeatureNetwork(8, 3), 8, 3, "0" * 64, recognised=0.5)


def test_shares_against_closed_forms() -> None:
    shares = torch.tensor([0.25, 0.25, 0.5])
    same = class_shares(torch.tensor([0, 1, 2, 2]), shares)
    assert same.modes == 3 and same.kl == pytest.approx(0, abs=1e-12)
    one = class_shares(torch.zeros(10, dtype=torch.int64), shares)
    assert one.modes == 1 and one.kl == pytest.approx(math.log(4))
    two = class_shares(torch.tensor([0, 1]), shares)
    assert two.modes == 2 and two.kl == pytest.approx(math.log(2))


def test_a_reader_learns_what_there_is_and_repeats_itself() -> None:
    random = torch.Generator().manual_seed(1)
    labels = torch.arange(300) % 3
    labels = torch.where(labels == 2, 7, labels)  # classes need not follow each other
    features = torch.randn((300, 5), generator=random) + 6 * torch.eye(8, 5)[labels % 6]
    grey = torch.zeros((300, 1, 4, 4), dtype=torch.uint8)
    labels[:30] = -1
    reals, chance = Reals(grey, features, labels), Reals(grey, torch.randn((300, 5), generator=random), labels)
    reader, again = learn_classes(reals), learn_classes(reals)
    assert torch.equal(reader.weight, again.weight) and reader.classes.tolist() == [0, 1, 7]
    assert reader.recognised(reals) > 0.6 and learn_classes(chance).recognised(reals) < 0.6
    torch.testing.assert_close(reader.shares, torch.full((3,), 1 / 3, dtype=torch.float64))


def test_fakes_of_one_class_are_told_from_fakes_of_all(tmp_path: Path, features: Features) -> None:
    store = make_store(tmp_path, {kind: kind for kind in SHARES})
    one = evaluate(fakes("dark"), store, features, modes=True)
    assert one.metrics["modes"] == 1 and one.metrics["is_local"] < 1.05
    assert one.metrics["modes_kl"] == pytest.approx(math.log(4), abs=0.5)  # by the reference's share of dark ones
    assert one.floors["modes"] == 3 and one.floors["modes_kl"] < 0.05
    assert one.floors["is_local"] == pytest.approx(2 * math.sqrt(2), rel=0.2)  # the exponential of the shares' entropy
    assert "has an accuracy of 1.000 on held-out reals" in one.notes[0] and "counts its 3 classes" in one.notes[0]
    assert one.about["classes_read"] == 1


def test_classes_that_cannot_be_read_are_left_out_or_refused(tmp_path: Path, features: Features) -> None:
    store = make_store(tmp_path, {})  # classes 0 and 1 without regard to the images
    found = evaluate(fakes("dark"), store, features)
    assert "modes" not in found.metrics and "is_local" not in found.metrics
    assert "below 0.8, so classes are not counted" in found.notes[0]
    with pytest.raises(InputError, match="below 0.8, so classes are not counted; use more labelled images"):
        evaluate(fakes("dark"), store, features, modes=True)


def test_a_dataset_without_classes_has_none_counted(tmp_path: Path, features: Features) -> None:
    store = make_store(tmp_path, dict.fromkeys(SHARES, "."))
    assert "modes" not in evaluate(fakes("dark"), store, features).metrics
    with pytest.raises(InputError, match="has no classes to count; use one with labels"):
        evaluate(fakes("dark"), store, features, modes=True)
