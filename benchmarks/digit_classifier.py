"""A digit classifier as a stage of one's own, and the component that counts a generator's modes with it.

It is trained on the digits of stacked MNIST, channel by channel, since it will classify those.
"""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from espalier.data.errors import InputError
from espalier.data.store import Store
from espalier.stages.config.load import stage_options
from espalier.stages.config.params import ARTIFACTS
from espalier.stages.contracts.component import Component, ComponentOptions, Metrics
from espalier.stages.contracts.published import Published, published, read_published
from espalier.stages.contracts.stage_type import StageOptions, StageType
from espalier.stages.kinds.batches import Batches
from espalier.stages.kinds.conditions import Classes
from espalier.stages.metrics.class_shares import ClassShares, class_shares
from espalier.stages.process.device import choose_device
from espalier.stages.process.progress import Bar
from espalier.stages.process.seeds import derive_seed

DIGITS, MODES = 10, 1000
STACKED_SAMPLES = 25_600
"""Number of stacked-digit images, as in the released PacGAN code."""


class Classifier(nn.Module):
    """Images (B, channels, R, R) in [-1, 1] -> logits (B, classes).

    Source: the Keras example that the released PacGAN code uses to count modes of stacked digits: convolutions with 32 and 64
    channels, max pooling, dropout 0.25, a dense layer of 128, dropout 0.5.
    """

    def __init__(self, resolution: int, channels: int, classes: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(channels, 32, 3, padding=1), nn.Conv2d(32, 64, 3, padding=1)
        self.dense, self.out = nn.Linear(64 * (resolution // 4) ** 2, 128), nn.Linear(128, classes)

    def forward(self, images: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(images)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.dropout(x.flatten(1), 0.25, self.training)
        logits: Tensor = self.out(F.dropout(F.relu(self.dense(x)), 0.5, self.training))
        return logits


class ClassifierOptions(StageOptions):
    """Options of a classifier. `dataset` is prepared stacked MNIST to train on."""

    test: Path = Field(description="prepared stacked MNIST to test on")
    resolution: Literal[8, 16, 32] = Field(default=32, description="side length of the digits, as generated")
    epochs: int = Field(default=3, ge=1, description="passes over the dataset")
    batch_size: int = Field(default=64, ge=1, description="stacks per step, of three digits each")
    learning_rate: float = Field(default=0.002, gt=0, description="Adam's learning rate, decayed linearly to 0")
    seed: int = Field(default=0, ge=0)


class TrainClassifier(StageType):
    """Trains, tests and publishes a classifier."""

    def __init__(self, params: dict[str, Any], pipeline: str, stage: str) -> None:
        self.name, self.out = stage, ARTIFACTS / pipeline / stage
        self.config = stage_options(params, pipeline, stage, ClassifierOptions)

    def run(self) -> None:
        config, device = self.config, choose_device()
        store, test = stacked_store(config.dataset), stacked_store(config.test)
        torch.manual_seed(derive_seed(config.seed, self.name, "classifier"))
        classifier = Classifier(config.resolution, 1, DIGITS).to(device)
        _train(self.name, classifier, store, config, device)
        accuracy = _accuracy(classifier, test, config.resolution, device)
        record = {"config": config.model_dump(mode="json"), "inputs": {"dataset": store.digest, "test": test.digest}}
        with published(self.out, record, {"test_accuracy": accuracy}, {"classifier": classifier}):
            pass
        print(f"classifier {self.name} is done: {self.out}  test accuracy {accuracy:.4f}")


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
    if not str(store.manifest.source.get("source")).endswith("StackedMnist"):
        raise InputError(f"the dataset {path} is not stacked MNIST; use one with source: digits.StackedMnist")
    return store


def _train(name: str, classifier: Classifier, store: Store, config: ClassifierOptions, device: torch.device) -> None:
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


def load_classifier(path: Path, resolution: int | None, device: torch.device) -> Classifier:
    """Load a published digit classifier of the given resolution, in eval mode.

    Raises:
        InputError: there is none, it is for another resolution, or it cannot be read.
    """

    def build(found: Published) -> tuple[Classifier, int]:
        own = found.record["config"]["resolution"]
        classifier = Classifier(own, 1, DIGITS)
        classifier.load_state_dict(found.weights)
        return classifier, own

    classifier, own = read_published(path, "classifier", "classifier", "classifier", build)
    if own != resolution:
        raise InputError(
            f"the classifier at {path} is for digits of {own}x{own}, this stage makes {resolution}x{resolution}"
        )
    return classifier.to(device).eval()


class Classified(ComponentOptions):
    """Which classifier counts the modes."""

    classifier: Path = Field(description="a digit classifier's artifact")

    @property
    def inputs(self) -> dict[str, Path]:
        return {"classifier": self.classifier}


class StackedModes(Component[Any]):
    """Number of stacked MNIST's modes found at the end, according to the classifier."""

    options_class, metrics = Classified, ("modes", "kl")

    def start(self, run: Any) -> None:
        assert isinstance(self.options, Classified)
        self.classifier = load_classifier(self.options.classifier, run.config.resolution, run.device)

    def publish(self, run: Any, folder: Path, until: int) -> Metrics:
        images = run.samples(run.latents(STACKED_SAMPLES))
        return asdict(stacked_metrics(images, self.classifier, run.device))


@torch.no_grad()
def stacked_metrics(images: Tensor, classifier: nn.Module, device: torch.device, batch: int = 512) -> ClassShares:
    """How many of stacked MNIST's 1000 modes images uint8 (N, 3, R, R) cover, and their KL to the uniform in nats.

    Each colour channel is classified as a digit, (B, 1, R, R) in [-1, 1] -> logits (B, 10); the three digits are the mode.
    Source: Metz et al., "Unrolled Generative Adversarial Networks", section 3.3; Lin et al., "PacGAN", section 4.2. 25,600
    perfect samples cover nearly all 1000 modes, with a KL of 0.02.
    """
    found = []
    for part in torch.split(images, batch):
        digits = part.flatten(0, 1)[:, None].to(device).float() / 127.5 - 1
        a, b, c = classifier(digits).argmax(1).view(-1, 3).cpu().unbind(1)
        found.append(100 * a + 10 * b + c)
    return class_shares(torch.cat(found), torch.full((MODES,), 1 / MODES, dtype=torch.float64))
