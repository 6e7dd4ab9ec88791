"""A feature network trained on a dataset's own images (by `types/features.py`)."""

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from espalier.models.features import WIDTH, FeatureNetwork
from espalier.stages.contracts.published import Published, read_published
from espalier.stages.features.extractor import Extractor

AT_ONCE = 256
LEAST_RECOGNISED = 0.3
"""Share of held-out images below which the features say little."""


class Features(Extractor):
    """A published feature network.

    Images of a different size are resized to the network's: nearest-neighbour if smaller, area averaging if larger.
    """

    name, suffix, width, at_once = "local", "_local", WIDTH, AT_ONCE
    least = WIDTH + 1
    """With fewer images, the covariance matrix is singular."""

    def __init__(self, network: FeatureNetwork, resolution: int, channels: int, digest: str, recognised: float) -> None:
        self.network, self.resolution, self.channels, self.digest = network.eval(), resolution, (channels,), digest
        self.recognised = recognised
        """Share of held-out images that it finds again among them, in another view; NaN of one that does not say it."""

    def features(self, images: Tensor) -> Tensor:
        device = next(self.network.parameters()).device
        found: Tensor = self.network(self._sized(images.to(device)))
        return found

    def notes(self) -> list[str]:
        how = f"the feature network recognises {self.recognised:.0%} of held-out images"
        if math.isnan(self.recognised):
            how = "the feature network does not say what it recognises; train it again"
        if self.recognised < LEAST_RECOGNISED:
            how += f", fewer than {LEAST_RECOGNISED:.0%}, so its metrics say little; train it for more epochs"
        blind = "it has learned from the dataset's own images, so copies of them score as well as new images"
        return [f"{how}; {blind}"]

    def resizer(self, side: int) -> str:
        return f"{self._way(side) or 'none'} to {self.resolution}"

    def _way(self, side: int) -> str | None:
        return None if side == self.resolution else "nearest" if side < self.resolution else "area"

    def _sized(self, images: Tensor) -> Tensor:
        seen, way = images.float() / 127.5 - 1, self._way(images.shape[-1])
        return seen if way is None else F.interpolate(seen, size=self.resolution, mode=way)


def load_features(path: Path, device: torch.device) -> Features:
    """Load a published feature network.

    Raises:
        InputError: it does not exist or cannot be read.
    """

    def build(found: Published) -> Features:
        resolution, channels = found.record["config"]["resolution"], found.record["channels"]
        network = FeatureNetwork(resolution, channels)
        network.load_state_dict(found.weights)
        return Features(
            network.to(device), resolution, channels, found.digest, found.record.get("recognised", math.nan)
        )

    return read_published(path, "features", "feature network", "features", build)
