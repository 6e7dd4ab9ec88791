"""Load a feature network."""

from pathlib import Path

import torch

from espalier.stages.features.extractor import Extractor
from espalier.stages.features.inception import load_inception
from espalier.stages.features.local import load_features


def load_extractor(path: Path, device: torch.device) -> Extractor:
    """Load Inception from a weights file, or the feature network of an artifact.

    Raises:
        InputError: neither exists.
    """
    return (load_inception if path.suffix == ".pth" or path.is_file() else load_features)(path, device)
