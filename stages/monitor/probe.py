"""Probe a generator during training: compare fakes with reals, at the cost of two or three iterations.

Every probe uses the same latents and the same reals, so any change comes from the generator. Features are those of a feature
network, if given; otherwise the images reduced to 8x8, or the coordinates of points.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from espalier.stages.contracts.in_parts import Images, pooled
from espalier.stages.metrics.kernel import squared_mmd
from espalier.stages.process.seeds import derive_seed

REDUCED, CLUSTERS, ROUNDS = 8, 16, 10
NEAREST = (4, 16, 64)
"""k of the k-nearest-neighbour balls around a real: small balls show fine detail, large ones early progress. For probes of
256 reals; scaled down in proportion for fewer."""
FAIR = 0.1
"""Ratio of fakes to reals in a cluster from which the cluster counts as generated."""
SAMPLES = 256
FEWEST = 32
"""Number of reals below which nearest neighbours are meaningless."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The result of one probe.

    `diversity`: mean feature distance between two fakes over that between two reals. `coverage` and `density` in [0, 1]: as in
    metrics/manifold.py, averaged over balls of three sizes, each relative to the same number of other reals and capped at 1.
    `quality` in [0, 1]: harmonic mean of the three, with diversity capped at 1. `distance`: kernel distance of features, as in
    metrics/kernel.py. `shares`: share of fakes nearest to each cluster of reals; None if fakes are not finite. `clusters` in
    [0, 1]: share of reals in clusters that hold at least a tenth as many fakes as reals.
    """

    diversity: float
    coverage: float
    density: float
    distance: float
    shares: Tensor | None
    clusters: float

    @property
    def quality(self) -> float:
        """From 0 (nothing like the reals) to 1 (like other reals)."""
        parts = (self.coverage, self.density, min(self.diversity, 1.0))
        return len(parts) / sum(1 / part for part in parts) if all(parts) else 0.0


class Probe:
    """Reals uint8 (2 N, channels, R, R), or points (2 N, d): fakes are compared with the first half; the second half gives the
    floor. `features` maps uint8 images to features (N, d)."""

    def __init__(self, reals: Images, features: Callable[[Images], Tensor] | None, seed: int) -> None:
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

    def _embedded(self, samples: Images) -> Tensor:
        if len(samples.shape) == 2:
            return samples[:].double()
        if self._features is not None:
            return self._features(samples).double()
        return pooled(samples, min(REDUCED, samples.shape[-1])).flatten(1).double()

    def _held(self, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Coverage and density for each ball size."""
        inside = torch.cdist(self._real, fake)[:, :, None] < self._radii[:, None, :]
        return inside.any(dim=1).double().mean(dim=0), inside.double().mean(dim=(0, 1))

    def see(self, fakes: Images) -> Seen:
        """Measure fakes, uint8 (N, channels, R, R) or points (N, d); NaN if they are not finite."""
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
            clusters=float(self._real_shares[shares >= FAIR * self._real_shares].sum()),
        )

    def _shares(self, samples: Tensor) -> Tensor:
        """Share of samples nearest to each cluster."""
        nearest = torch.cdist(samples, self._centres).argmin(dim=1)
        return torch.bincount(nearest, minlength=len(self._centres)).double() / len(samples)


def drift(before: Tensor | None, now: Tensor | None) -> float:
    """Share of fakes, in [0, 1], that moved to another cluster between two probes' `shares`: 0 at the first, NaN if not
    finite."""
    if now is None:
        return math.nan
    return 0.0 if before is None else float((now - before).abs().sum() / 2)


def _centres(points: Tensor, seed: int) -> Tensor:
    """Cluster centres of points (N, d), by Lloyd's algorithm from points sampled with the seed."""
    random = torch.Generator().manual_seed(derive_seed(seed, "clusters"))
    centres = points[torch.randperm(len(points), generator=random)[: min(CLUSTERS, len(points) // 2)]]
    for _ in range(ROUNDS):
        nearest = torch.cdist(points, centres).argmin(dim=1)
        of_each = F.one_hot(nearest, len(centres)).to(points)
        centres = (of_each.t() @ points) / of_each.sum(dim=0).clamp(min=1)[:, None]
    return centres
