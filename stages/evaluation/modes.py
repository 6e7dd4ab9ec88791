"""Final metrics for data with known modes (mixtures of points, stacked digits) and games with a known equilibrium."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from espalier.data.store import Modes
from espalier.models.classifier import Classifier
from espalier.stages.contracts.component import Component, Metrics
from espalier.stages.metrics.modes import mode_metrics
from espalier.stages.metrics.stacked_digits import stacked_metrics
from espalier.stages.tricks.parts import Networks

MODE_SAMPLES = 2500
"""Number of points, as in the released PacGAN code."""
STACKED_SAMPLES = 25_600
"""Number of stacked-digit images, as in the same code."""


class Sampled(Protocol):
    """What these metrics need of a run."""

    networks: Networks
    device: torch.device

    def latents(self, count: int) -> Tensor: ...
    def samples(self, latent: Tensor) -> Tensor: ...


class FoundModes(Component[Any]):
    """Number of a mixture's modes found."""

    def __init__(self, modes: Modes) -> None:
        self.modes = modes

    def publish(self, run: Sampled, folder: Path, until: int) -> Metrics:
        points = run.samples(run.latents(MODE_SAMPLES))
        return asdict(mode_metrics(points, torch.tensor(self.modes.centres), self.modes.std))


class Distance(Component[Any]):
    """Norm of all weights, i.e. the distance from the equilibrium at 0."""

    def publish(self, run: Sampled, folder: Path, until: int) -> Metrics:
        weights = [p.detach().flatten() for n in run.networks.modules().values() for p in n.parameters()]
        return {"distance": float(torch.cat(weights).norm())}


class StackedModes(Component[Any]):
    """Number of stacked MNIST's modes found, according to a digit classifier."""

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier

    def publish(self, run: Sampled, folder: Path, until: int) -> Metrics:
        images = run.samples(run.latents(STACKED_SAMPLES))
        return asdict(stacked_metrics(images, self.classifier, run.device))
