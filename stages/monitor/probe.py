"""What is measured of a generator now and then while it trains: its fakes beside reals, at a cost of two or three iterations.

Everything is measured on the same latents and the same reals each time, so a change is the generator's. Features are those of a
network where one is given, else the pictures themselves, reduced to 8x8; of points, their coordinates.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from espalier.stages.metrics.kernel import squared_mmd
from espalier.stages.process.seeds import derive_seed

REDUCED, CLUSTERS, ROUNDS = 8, 16, 10
NEAREST = (4, 16, 64)
"""Neighbours that span the ball around a real: small balls tell fine detail, large ones tell progress early. All in a probe of
256 reals; of fewer, in proportion."""
FAIR = 0.1
"""Fakes of a cluster, over its reals, from which its kind counts as made."""
SAMPLES = 256
FEWEST = 32
"""Reals below which nearest neighbours say nothing."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one probe finds.

    `diversity`: mean distance of two fakes over that of two reals, in features. `coverage` and `density` in [0, 1]: as in
    metrics/manifold.py, of balls of three sizes, each over what as many other reals get and at most 1, and their mean.
    `quality` in [0, 1] is the harmonic mean of the three, diversity at most 1. `distance`: of features, by the kernel of
    metrics/kernel.py. `shares` of fakes by the cluster of reals that they are nearest to; None where fakes are not finite.
    `kinds` in [0, 1]: share of reals to whose cluster at least a tenth as many fakes belong.
    """

    diversity: float
    coverage: float
    density: float
    distance: float
    shares: Tensor | None
    kinds: float

    @property
    def quality(self) -> float:
        """From 0, nothing like the reals, to 1, like other reals."""
        parts = (self.coverage, self.density, min(self.diversity, 1.0))
        return len(parts) / sum(1 / part for part in parts) if all(parts) else 0.0


class Probe:
    """Reals uint8 (2 N, channels, R, R), or points (2 N, d): the first half is what fakes are compared with, the others are
    the floor. `features` maps pictures uint8 to features (N, d)."""

    def __init__(self, reals: Tensor, features: Callable[[Tensor], Tensor] | None, seed: int) -> None:
        self._features = features
        raw = self._embedded(reals)
        self._mean, self._scale = raw.mean(dim=0), raw.std().clamp(min=1e-6)
        real, others = ((raw - self._mean) / self._scale).chunk(2)
        self._real, self.count = real, len(real)
        self._spread = torch.pdist(real).mean().clamp(min=1e-9)
        self._centres = _centres(real, seed)
        self._real_shares = self._shares(real)
        nearest = torch.cdist(real, real).sort(dim=1).values
        self._radii = nearest[:, [max(1, k * len(real) // SAMPLES) for k in NEAREST]]  # column 0 is the real itself
        self._floor = self._held(others[: len(real)])

    def _embedded(self, samples: Tensor) -> Tensor:
        if samples.ndim == 2:
            return samples.double()
        if self._features is not None:
            return self._features(samples).double()
        size = min(REDUCED, samples.shape[-1])
        return F.adaptive_avg_pool2d(samples.float() / 255, size).flatten(1).double()

    def _held(self, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Coverage and density by the size of balls."""
        inside = torch.cdist(self._real, fake)[:, :, None] < self._radii[:, None, :]
        return inside.any(dim=1).double().mean(dim=0), inside.double().mean(dim=(0, 1))

    def see(self, fakes: Tensor) -> Seen:
        """Measure fakes, uint8 (N, channels, R, R) or points (N, d); NaN where they are not finite."""
        fake = (self._embedded(fakes) - self._mean) / self._scale
        if not torch.isfinite(fake).all():
            return Seen(math.nan, math.nan, math.nan, math.nan, None, math.nan)
        held = zip(self._held(fake), self._floor, strict=True)
        coverage, density = ((of / floor).clamp(max=1).mean() for of, floor in held)
        shares = self._shares(fake)
        return Seen(
            diversity=float(torch.pdist(fake).mean() / self._spread),
            coverage=float(coverage),
            density=float(density),
            distance=squared_mmd(self._real, fake),
            shares=shares,
            kinds=float(self._real_shares[shares >= FAIR * self._real_shares].sum()),
        )

    def _shares(self, samples: Tensor) -> Tensor:
        """Of samples by the cluster that they are nearest to."""
        nearest = torch.cdist(samples, self._centres).argmin(dim=1)
        return torch.bincount(nearest, minlength=len(self._centres)).double() / len(samples)


def drift(before: Tensor | None, now: Tensor | None) -> float:
    """Share of fakes, in [0, 1], that went to another cluster between two probes' `shares`: 0 at the first, NaN of what is not
    finite."""
    if now is None:
        return math.nan
    return 0.0 if before is None else float((now - before).abs().sum() / 2)


def _centres(points: Tensor, seed: int) -> Tensor:
    """Means of clusters of points (N, d), by Lloyd's rounds from points drawn by the seed."""
    random = torch.Generator().manual_seed(derive_seed(seed, "clusters"))
    centres = points[torch.randperm(len(points), generator=random)[: min(CLUSTERS, len(points) // 2)]]
    for _ in range(ROUNDS):
        nearest = torch.cdist(points, centres).argmin(dim=1)
        of_each = F.one_hot(nearest, len(centres)).to(points)
        centres = (of_each.t() @ points) / of_each.sum(dim=0).clamp(min=1)[:, None]
    return centres
