"""Final metrics of data whose modes are known: mixtures of points, stacked digits; and of games with a known equilibrium."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from espalier.data.store import Modes
from espalier.models.classifier import Classifier
from espalier.stages.contracts.component import Component, Metrics
from espalier.stages.metrics.modes import mode_figures
from espalier.stages.metrics.stacked_digits import stacked_figures
from espalier.stages.tricks.parts import Networks

MODE_SAMPLES = 2500
"""Points, as the released PacGAN code evaluates."""
STACKED_SAMPLES = 25_600
"""Stacked digits, as the same code does."""


class Sampled(Protocol):
    """What these metrics need of a run."""

    networks: Networks
    device: torch.device

    def latents(self, count: int) -> Tensor: ...
    def samples(self, latent: Tensor) -> Tensor: ...


class FoundModes(Component[Any]):
    """How many of a mixture's modes are found."""

    def __init__(self, modes: Modes) -> None:
        self.modes = modes

    def publish(self, run: Sampled, folder: Path, until: int) -> Metrics:
        points = run.samples(run.latents(MODE_SAMPLES))
        return asdict(mode_figures(points, torch.tensor(self.modes.centres), self.modes.std))


class Distance(Component[Any]):
    """How far all weights are from 0, where the equilibrium is."""

    def publish(self, run: Sampled, folder: Path, until: int) -> Metrics:
        weights = [p.detach().flatten() for n in run.networks.modules().values() for p in n.parameters()]
        return {"distance": float(torch.cat(weights).norm())}


class StackedModes(Component[Any]):
    """How many of stacked MNIST's modes are found, by a classifier of digits."""

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier

    def publish(self, run: Sampled, folder: Path, until: int) -> Metrics:
        images = run.samples(run.latents(STACKED_SAMPLES))
        return asdict(stacked_figures(images, self.classifier, run.device))
