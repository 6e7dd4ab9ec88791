"""All metrics of a set of images against the same reals; each takes seconds and is announced before it starts."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from torch import Tensor

from espalier.stages.contracts.component import Metrics
from espalier.stages.evaluation.class_reader import ClassReader
from espalier.stages.evaluation.reference import Reals
from espalier.stages.features.extractor import Extractor
from espalier.stages.metrics.birthday import support
from espalier.stages.metrics.class_shares import class_shares
from espalier.stages.metrics.diversity import diversity
from espalier.stages.metrics.frechet import frechet, moments
from espalier.stages.metrics.inception_score import inception_score
from espalier.stages.metrics.kernel import kernel_distance
from espalier.stages.metrics.manifold import manifold
from espalier.stages.metrics.ms_ssim import SMALLEST as SMALLEST_MS_SSIM
from espalier.stages.metrics.ms_ssim import ms_ssim
from espalier.stages.metrics.sliced_wasserstein import SMALLEST as SMALLEST_SWD
from espalier.stages.metrics.sliced_wasserstein import sliced_wasserstein

MOST = 1000
"""Maximum number of images for pixel metrics (diversity, SWD, MS-SSIM), which would otherwise take minutes."""

Measure = Callable[[Tensor, Tensor], Metrics]
"""Takes images uint8 (N, channels, R, R) and their features (N, d)."""


@dataclass(frozen=True)
class Comparison:
    """What images are compared with: `real`, equally many reals; `same`, the feature distance below which two count as the same
    image; `reader`, a classifier of the dataset's classes, if reliable."""

    real: Reals
    extractor: Extractor
    reader: ClassReader | None
    same: float
    seed: int

    def metrics(self, images: Tensor, features: Tensor, say: Callable[[str], None]) -> Metrics:
        """All applicable metrics of images uint8 (N, channels, R, R) and their features (N, d)."""
        found: Metrics = {}
        for title, measure in self._measures(images.shape[-1]):
            say(title)
            found |= measure(images, features)
        return {key: float(f"{value:.5g}") for key, value in found.items()}

    def _measures(self, side: int) -> Iterator[tuple[str, Measure]]:
        yield "Fréchet distance", self._frechet
        yield "kernel distance", self._kernel
        yield "precision, recall, density and coverage", self._manifold
        if self.reader is not None or self.extractor.logits(self.real.features[:1]) is not None:
            yield "classes", self._classes
        yield "diversity", self._diversity
        if side >= SMALLEST_SWD:
            yield "sliced Wasserstein distance", self._sliced
        if side >= SMALLEST_MS_SSIM:
            yield "MS-SSIM", self._likeness
        yield "birthday paradox", self._support

    def _frechet(self, images: Tensor, features: Tensor) -> Metrics:
        return {f"fid{self.extractor.suffix}": frechet(moments(self.real.features), moments(features))}

    def _kernel(self, images: Tensor, features: Tensor) -> Metrics:
        name = f"kid{self.extractor.suffix}"
        distance, spread = kernel_distance(self.real.features, features, seed=self.seed)
        return {name: distance, f"{name}_std": spread}

    def _manifold(self, images: Tensor, features: Tensor) -> Metrics:
        return asdict(manifold(self.real.features, features))

    def _classes(self, images: Tensor, features: Tensor) -> Metrics:
        """Inception score over the network's own classes if it has any, otherwise over the dataset's."""
        logits, name, found = self.extractor.logits(features), f"is{self.extractor.suffix}", {}
        if self.reader is not None:
            read = self.reader.logits(images, features)
            shares = class_shares(read.argmax(dim=1), self.reader.shares)
            found = {"modes": float(shares.modes), "modes_kl": shares.kl}
            logits = read if logits is None else logits
        assert logits is not None
        score, spread = inception_score(logits.double().softmax(dim=1))
        return {name: score, f"{name}_std": spread, **found}

    def _diversity(self, images: Tensor, features: Tensor) -> Metrics:
        return {"diversity": diversity(images[:MOST], self.real.images[:MOST])}

    def _sliced(self, images: Tensor, features: Tensor) -> Metrics:
        levels = sliced_wasserstein(self.real.images[:MOST], images[:MOST], self.seed)
        mean = sum(levels.values()) / len(levels)
        return {**{f"swd_{level}": value for level, value in levels.items()}, "swd": mean}

    def _likeness(self, images: Tensor, features: Tensor) -> Metrics:
        return {"ms_ssim": ms_ssim(images[:MOST])}

    def _support(self, images: Tensor, features: Tensor) -> Metrics:
        estimate, pairs = support(features, self.same)
        return {"support": estimate, "same_pairs": pairs}
