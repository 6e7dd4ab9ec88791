"""Train a sentence encoder, for networks that are conditioned on sentences.

It is trained to predict a sentence's attributes; generators are conditioned on its hidden representation, the code. The
released code uses plain SGD with one sentence per step for millions of steps; here, Adam on batches converges in seconds.
The loss is the same sum of cross-entropies with equal weights.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field

from espalier.data.errors import InputError
from espalier.data.store import Store
from espalier.data.words import words
from espalier.models.fashiongan.sentence import UNKNOWN, SentenceEncoder, padded
from espalier.stages.config.params import ARTIFACTS
from espalier.stages.config.sections import options_of
from espalier.stages.contracts.options import Options
from espalier.stages.contracts.published import published
from espalier.stages.contracts.stage_type import StageType
from espalier.stages.fashiongan.text import LONGEST, Text
from espalier.stages.process.device import choose_device
from espalier.stages.process.progress import Bar
from espalier.stages.process.seeds import derive_seed


class TextConfig(Options):
    """Options of a sentence encoder."""

    dataset: Path = Field(description="prepared images with sentences and attributes, to train on")
    test: Path = Field(description="the same, to test on")
    attributes: tuple[str, ...] = Field(
        min_length=1, description="attributes of the image to predict from the sentence"
    )
    width: int = Field(default=100, ge=1, description="length of a sentence's code")
    layers: int = Field(default=2, ge=1, description="recurrent layers")
    epochs: int = Field(default=40, ge=1, description="passes over the dataset")
    batch_size: int = Field(default=64, ge=1, description="sentences per step")
    learning_rate: float = Field(default=0.005, gt=0, description="Adam's learning rate, decayed linearly to 0")
    unknown: float = Field(default=0.03, ge=0, lt=1, description="fraction of words masked during training")
    seed: int = Field(default=0, ge=0)


@dataclass(frozen=True, slots=True)
class Described:
    """Sentences as lists of words, and the value of each attribute for each sentence."""

    sentences: list[list[str]]
    values: dict[str, list[str]]


def described(store: Store, attributes: Sequence[str]) -> Described:
    """The sentences and attributes of a prepared dataset.

    Raises:
        InputError: its images have no sentences, a sentence is empty, or an attribute is missing.
    """
    path, sentences = store.path, list[list[str]]()
    values: dict[str, list[str]] = {name: [] for name in attributes}
    for index, record in enumerate(store.records()):
        if "sentence" not in record:
            raise InputError(f"the dataset {path} has no sentences; use one of dolls, or one with captions")
        split = words(str(record["sentence"]))
        if not split:
            raise InputError(f"the dataset {path}: the sentence of image {index} has no words: {record['sentence']!r}")
        sentences.append(split[:LONGEST])
        known = record.get("attributes", {})
        for name in attributes:
            if name not in known:
                raise InputError(
                    f"the dataset {path}: image {index} has no attribute '{name}'; it has: "
                    f"{', '.join(sorted(known)) or 'none'}"
                )
            values[name].append(str(known[name]))
    return Described(sentences, values)


class TrainText(StageType):
    """The stage type."""

    def __init__(self, params: dict[str, Any], pipeline: str, stage: str) -> None:
        self.name = stage
        self.config = options_of(params, "texts", stage, TextConfig, "text")

    def run(self) -> None:
        train_text(self.name, self.config)


def train_text(name: str, config: TextConfig) -> None:
    """Train, test and publish a sentence encoder under this name."""
    device = choose_device()
    stores = Store(config.dataset), Store(config.test)
    known, test = (described(store, config.attributes) for store in stores)
    vocabulary = sorted({word for sentence in known.sentences for word in sentence})
    values = {attribute: sorted(set(all_of)) for attribute, all_of in known.values.items()}
    torch.manual_seed(derive_seed(config.seed, name, "text"))
    heads = {attribute: len(possible) for attribute, possible in values.items()}
    encoder = SentenceEncoder(len(vocabulary), config.width, config.layers, heads).to(device)
    text = Text(encoder, vocabulary, values)
    _learn(name, text, known, config, device)
    metrics = _accuracies(text, known, test)
    out = ARTIFACTS / "texts" / name
    inputs = {"dataset": stores[0].digest, "test": stores[1].digest}
    record = {"config": config.model_dump(mode="json"), "vocabulary": vocabulary, "values": values, "inputs": inputs}
    with published(out, record, metrics, {"encoder": encoder}):
        pass
    print(f"text {name} is done: {out}  accuracy {metrics['accuracy']:.4f}, vocabulary of {len(vocabulary)} words")


def _learn(name: str, text: Text, known: Described, config: TextConfig, device: torch.device) -> None:
    numbers = [text.numbers(" ".join(sentence)) for sentence in known.sentences]
    classes = {a: torch.tensor([text.values[a].index(v) for v in values]) for a, values in known.values.items()}
    optimizer = torch.optim.Adam(text.encoder.parameters(), lr=config.learning_rate)
    text.encoder.train()
    total, done = len(numbers) * config.epochs, 0
    with Bar(f"text {name}", total) as bar:
        for epoch in range(config.epochs):
            random = np.random.default_rng(derive_seed(config.seed, name, "epoch", epoch))
            for batch in torch.split(torch.from_numpy(random.permutation(len(numbers))), config.batch_size):
                optimizer.param_groups[0]["lr"] = config.learning_rate * (1 - done / total)
                sentences, lengths = padded([numbers[i] for i in batch.tolist()])
                hidden = torch.from_numpy(random.random(sentences.shape) < config.unknown)
                codes = text.encoder(sentences.masked_fill(hidden, UNKNOWN).to(device), lengths)
                logits = text.encoder.attributes(codes)
                losses = [F.cross_entropy(logits[a], of[batch].to(device)) for a, of in classes.items()]
                optimizer.zero_grad(set_to_none=True)
                torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(text.encoder.parameters(), 1.0)
                optimizer.step()
                done += len(batch)
                if bar.due():
                    bar.show(done, f"loss {torch.stack(losses).sum().item():.3f}")
    text.encoder.eval()


@torch.no_grad()
def _accuracies(text: Text, known: Described, test: Described) -> dict[str, float]:
    """Test accuracy of each attribute; their mean; and the baseline of always predicting the most common value."""
    codes = torch.cat([text.encode([" ".join(s) for s in part]) for part in _parts(test.sentences, 256)])
    metrics, commonest = {}, {}
    for name, logits in text.encoder.attributes(codes).items():
        predicted = [text.values[name][i] for i in logits.argmax(1).tolist()]
        common = Counter(known.values[name]).most_common(1)[0][0]
        metrics[f"accuracy_{name}"] = _share([a == b for a, b in zip(predicted, test.values[name], strict=True)])
        commonest[f"commonest_{name}"] = _share([common == value for value in test.values[name]])
    return {"accuracy": sum(metrics.values()) / len(metrics), **metrics, **commonest}


def _parts(sentences: list[list[str]], size: int) -> list[list[list[str]]]:
    return [sentences[i : i + size] for i in range(0, len(sentences), size)]


def _share(found: list[bool]) -> float:
    return sum(found) / len(found)
