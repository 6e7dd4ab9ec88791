"""A feature network that was trained on a dataset's own images (`types/features.py`), ready to use."""

import json
from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor

from espalier.data.errors import InputError
from espalier.data.store import file_digest
from espalier.models.features import WIDTH, FeatureNetwork
from espalier.stages.features.extractor import Extractor

AT_ONCE = 256


class Features(Extractor):
    """A published feature network.

    Pictures of another size than its own are brought to it, each pixel to a square, or to their means where they are larger.
    """

    name, suffix, width, at_once = "local", "_local", WIDTH, AT_ONCE
    least = WIDTH + 1
    """Fewer pictures than this have singular covariances."""

    def __init__(self, network: FeatureNetwork, resolution: int, channels: int, digest: str) -> None:
        self.network, self.resolution, self.channels, self.digest = network.eval(), resolution, (channels,), digest

    def features(self, pictures: Tensor) -> Tensor:
        device = next(self.network.parameters()).device
        found: Tensor = self.network(self._sized(pictures.to(device)))
        return found

    def resizer(self, side: int) -> str:
        return f"{self._way(side) or 'none'} to {self.resolution}"

    def _way(self, side: int) -> str | None:
        return None if side == self.resolution else "nearest" if side < self.resolution else "area"

    def _sized(self, pictures: Tensor) -> Tensor:
        seen, way = pictures.float() / 127.5 - 1, self._way(pictures.shape[-1])
        return seen if way is None else F.interpolate(seen, size=self.resolution, mode=way)


def load_features(path: Path, device: torch.device) -> Features:
    """A published feature network, ready to use.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    file, record = path / "features.safetensors", path / "stage.json"
    if not file.is_file() or not record.is_file():
        raise InputError(f"there is no feature network at {path}; train it first: dvc repro features@{path.name}")
    try:
        said = json.loads(record.read_text(encoding="utf-8"))
        resolution, channels = said["config"]["resolution"], said["channels"]
        network = FeatureNetwork(resolution, channels)
        network.load_state_dict(safetensors.torch.load_file(file))
    except (safetensors.SafetensorError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"the feature network at {path} cannot be read: {error}. Train it again: dvc repro -f features@{path.name}"
        ) from error
    return Features(network.to(device), resolution, channels, file_digest(file))
