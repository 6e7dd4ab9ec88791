"""Mixtures of Gaussians and other points with which the literature shows mode collapse and cycling dynamics.

With k the mode of a point, drawn uniformly, and n ~ N(0, I), a point x is:

| shape         | x                                                                              | source |
|---------------|--------------------------------------------------------------------------------|--------|
| `ring`        | (cos a, sin a) + 0.01 n, a = 2 pi k / 8, k = 0..7                              | [1, 2] |
| `grid`        | c + 0.05 n, c in {-4, -2, 0, 2, 4}^2: 25 modes                                 | [1, 2] |
| `gaussians8`  | (2 (cos a, sin a) + 0.02 n) / 1.414, a = 2 pi k / 8, k = 0..7                  | [3]    |
| `gaussians25` | (2 c + 0.05 n) / 2.828, c in {-2, -1, 0, 1, 2}^2: 25 modes                     | [3]    |
| `swiss_roll`  | (t (cos t, sin t) + 0.25 n) / 7.5, t = 1.5 pi (1 + 2 u), u ~ U(0, 1): no modes | [3, 4] |
| `delta`       | 0, one number: no modes                                                        | [5]    |

1. Srivastava et al., "VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning" (2017).
2. Lin et al., "PacGAN: The power of two samples in generative adversarial networks" (2018), the source of the
   constants; its training set, too, is drawn once.
3. Gulrajani et al., "Improved Training of Wasserstein GANs" (2017), and the authors' gan_toy.py, the source of the
   constants. There `gaussians25` has equally many points in every mode, and the other two are redrawn for each batch.
4. scikit-learn's make_swiss_roll, its columns 0 and 2.
5. Mescheder et al., "Which Training Methods for GANs do actually Converge?" (2018), definition 2.1: the Dirac-GAN.
"""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from espalier.data.sources.points import Points, PointSource
from espalier.stages.contracts.component import Component, Metrics
from espalier.stages.metrics.class_shares import class_shares

MODE_SAMPLES = 2500
"""Number of points, as in the released PacGAN code."""
STANDARD_DEVIATIONS = 3.0


class Mixture(PointSource):
    """Points drawn from a known distribution; see the module docstring. `root` is the path of the drawing code, tracked by DVC.

    The same shape, count and seed give bitwise identical points.
    """

    shape: Literal["ring", "grid", "gaussians8", "gaussians25", "swiss_roll", "delta"]
    seed: int = Field(default=0, ge=0, description="seed for drawing the points")

    def draw(self) -> Points:
        """Draw the points."""
        rng = np.random.default_rng(self.seed)
        match self.shape:
            case "ring":
                return _mixture(_circle(1.0), 0.01, self.count, rng)
            case "grid":
                return _mixture(_lattice(2.0), 0.05, self.count, rng)
            case "gaussians8":
                return _mixture(_circle(2.0) / 1.414, 0.02 / 1.414, self.count, rng)
            case "gaussians25":
                return _mixture(_lattice(2.0) / 2.828, 0.05 / 2.828, self.count, rng)
            case "swiss_roll":
                return _without_modes(_swiss_roll(self.count, rng))
            case "delta":
                return _without_modes(np.zeros((self.count, 1)))


def _circle(radius: float) -> NDArray[np.float64]:
    """Eight centres (8, 2) on a circle."""
    angles = 2 * math.pi * np.arange(8) / 8
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _lattice(step: float) -> NDArray[np.float64]:
    """Twenty-five centres (25, 2) on a square lattice around 0."""
    places = step * np.arange(-2, 3)
    return np.stack([np.repeat(places, 5), np.tile(places, 5)], axis=1)


def _mixture(centres: NDArray[np.float64], std: float, count: int, rng: np.random.Generator) -> Points:
    labels = rng.integers(len(centres), size=count)
    points = centres[labels] + std * rng.standard_normal((count, centres.shape[1]))
    return Points(points.astype(np.float32), labels, centres, std)


def _swiss_roll(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    t = 1.5 * math.pi * (1 + 2 * rng.uniform(size=(count, 1)))
    points = np.concatenate([t * np.cos(t), t * np.sin(t)], axis=1) + 0.25 * rng.standard_normal((count, 2))
    return points / 7.5


def _without_modes(points: NDArray[np.float64]) -> Points:
    count, dimensions = points.shape
    labels = np.full(count, -1, dtype=np.int64)
    return Points(points.astype(np.float32), labels, np.empty((0, dimensions)), None)


@dataclass(frozen=True, slots=True)
class ModeMetrics:
    """`modes` found, `hq_share` of all samples in [0, 1], `reverse_kl` in nats (NaN without high-quality samples)."""

    modes: int
    hq_share: float
    reverse_kl: float


def mode_metrics(samples: Tensor, centres: Tensor, std: float) -> ModeMetrics:
    """How many of a mixture's modes samples (N, d) cover, and how evenly; its modes are centred at (K, d).

    A sample is of high quality if it lies within 3 standard deviations of its nearest mode; a mode is found if it is the
    nearest mode of a high-quality sample. Source: Srivastava et al., "VEEGAN", and the released PacGAN code
    (`extensions.py`), whose reverse KL is

        KL(p || uniform) = log K - H(p),   p the shares of the K modes among the high-quality samples, natural logarithm.

    Of perfect samples of 2-D Gaussians, 98.89 % lie within 3 standard deviations.
    """
    distance, nearest = torch.cdist(samples.double(), centres.double()).min(dim=1)
    good = nearest[distance < STANDARD_DEVIATIONS * std]
    if len(good) == 0:
        return ModeMetrics(0, 0.0, math.nan)
    found = class_shares(good, torch.full((len(centres),), 1 / len(centres), dtype=torch.float64))
    return ModeMetrics(found.modes, len(good) / len(samples), found.kl)


class FoundModes(Component[Any]):
    """Number of a mixture's modes found at the end."""

    metrics = ("modes", "hq_share", "reverse_kl")

    def publish(self, run: Any, folder: Path, until: int) -> Metrics:
        modes = run.store.manifest.modes
        points = run.samples(run.latents(MODE_SAMPLES))
        return asdict(mode_metrics(points, torch.tensor(modes.centres), modes.std))
