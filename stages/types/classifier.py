"""Train a digit classifier into artifacts/classifiers/NAME.

It is trained on the digits of stacked MNIST, channel by channel, since it will classify those. It counts a generator's modes
if a stage names it as its `classifier`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from espalier.data.errors import InputError
from espalier.data.store import Store
from espalier.models.classifier import Classifier
from espalier.stages.config.params import ARTIFACTS
from espalier.stages.config.sections import check_resolution, options_of
from espalier.stages.contracts.options import Options
from espalier.stages.contracts.published import published
from espalier.stages.contracts.stage_type import StageType
from espalier.stages.evaluation.classifier import DIGITS
from espalier.stages.kinds.batches import Batches
from espalier.stages.kinds.conditions import Classes
from espalier.stages.process.device import choose_device
from espalier.stages.process.progress import Bar
from espalier.stages.process.seeds import derive_seed


class ClassifierConfig(Options):
    """Options of a classifier."""

    dataset: Path = Field(description="prepared stacked MNIST to train on")
    test: Path = Field(description="prepared stacked MNIST to test on")
    resolution: Literal[8, 16, 32] = Field(default=32, description="side length of the digits, as generated")
    epochs: int = Field(default=3, ge=1, description="passes over the dataset")
    batch_size: int = Field(default=64, ge=1, description="stacks per step, of three digits each")
    learning_rate: float = Field(default=0.002, gt=0, description="Adam's learning rate, decayed linearly to 0")
    seed: int = Field(default=0, ge=0)


def single_digits(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Stacks (B, 3, R, R) of classes 100 a + 10 b + c -> digits (3 B, 1, R, R), classes (3 B,)."""
    classes = torch.stack([labels // 100, labels // 10 % 10, labels % 10], dim=1)
    return images.flatten(0, 1)[:, None], classes.flatten()


def stacked_store(path: Path) -> Store:
    """Open a prepared stacked MNIST dataset.

    Raises:
        InputError: it is a different dataset.
    """
    store = Store(path)
    if store.manifest.source.get("source") != "stacked_mnist":
        raise InputError(f"the dataset {path} is not stacked MNIST; use one with source: stacked_mnist")
    return store


class TrainClassifier(StageType):
    """The stage type."""

    def __init__(self, params: dict[str, Any], pipeline: str, stage: str) -> None:
        self.name = stage
        self.config = options_of(params, "classifiers", stage, ClassifierConfig, "classifier")
        check_resolution(params, self.config.dataset, self.config.resolution, f"classifiers.{stage}.resolution")

    def run(self) -> None:
        classify(self.name, self.config)


def classify(name: str, config: ClassifierConfig) -> None:
    """Train, test and publish a classifier under this name."""
    device = choose_device()
    store, test = stacked_store(config.dataset), stacked_store(config.test)
    torch.manual_seed(derive_seed(config.seed, name, "classifier"))
    classifier = Classifier(config.resolution, 1, DIGITS).to(device)
    _train(name, classifier, store, config, device)
    accuracy = _accuracy(classifier, test, config.resolution, device)
    out = ARTIFACTS / "classifiers" / name
    record = {"config": config.model_dump(mode="json"), "digests": {"dataset": store.digest, "test": test.digest}}
    with published(out, record, {"test_accuracy": accuracy}, {"classifier": classifier}):
        pass
    print(f"classifier {name} is done: {out}  test accuracy {accuracy:.4f}")


def _train(name: str, classifier: Classifier, store: Store, config: ClassifierConfig, device: torch.device) -> None:
    condition = Classes(store.labels(), len(store.manifest.classes), device)
    batches = Batches(store.images(config.resolution), config.seed, device, conditioning=condition)
    optimizer = torch.optim.Adam(classifier.parameters(), lr=config.learning_rate)
    total = store.manifest.count * config.epochs
    with Bar(f"classifier {name}", total) as bar:
        for done in range(0, total, config.batch_size):
            optimizer.param_groups[0]["lr"] = config.learning_rate * (1 - done / total)
            labels = batches.condition_at(done, config.batch_size)
            assert isinstance(labels, Tensor)
            digits, classes = single_digits(batches.at(done, config.batch_size), labels)
            loss = F.cross_entropy(classifier(digits), classes)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if bar.due():
                bar.show(done, f"loss {loss.item():.3f}")


@torch.no_grad()
def _accuracy(classifier: Classifier, store: Store, resolution: int, device: torch.device) -> float:
    classifier.eval()
    right = 0
    for digits, classes in _in_order(store, resolution, device):
        right += int((classifier(digits).argmax(1) == classes).sum())
    return right / (3 * store.manifest.count)


def _in_order(store: Store, resolution: int, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    images, labels, batch = store.images(resolution), store.labels(), 256
    for start in range(0, store.manifest.count, batch):
        part = torch.from_numpy(images[start : start + batch].copy()).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
        yield single_digits(part, torch.from_numpy(labels[start : start + batch].copy()).to(device))
