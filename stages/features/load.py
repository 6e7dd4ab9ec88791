"""Load a feature network: a known name, the artifact of one that was trained here, or a file with Inception's weights."""

from pathlib import Path

import torch

from espalier.stages.features.extractor import Extractor
from espalier.stages.features.imagenet import IMAGENET, Imagenet, load_imagenet
from espalier.stages.features.inception import Inception, load_inception
from espalier.stages.features.local import Features, load_features

NAMED = (IMAGENET, "inception")
"""Feature networks that are no artifacts."""


def extractor_class(features: Path) -> type[Extractor]:
    """The class of the network that is meant, without loading it."""
    if str(features) == IMAGENET:
        return Imagenet
    return Inception if str(features) in NAMED or features.suffix == ".pth" or features.is_file() else Features


def load_extractor(features: Path, device: torch.device) -> Extractor:
    """Load the network named so, Inception from a weights file, or the feature network of an artifact.

    Raises:
        InputError: it does not exist, is damaged, or its package is not installed.
    """
    found = extractor_class(features)
    if found is Imagenet:
        return load_imagenet(device)
    if found is Inception:
        return load_inception(None if str(features) in NAMED else features, device)
    return load_features(features, device)
