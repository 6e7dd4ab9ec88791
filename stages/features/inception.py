"""Inception features, the standard for FID, KID and the Inception score.

The network is torch-fidelity's, which matches the TensorFlow network that FID was defined with: pool3's 2048 features, and
for the Inception score the last layer's 1008 logits without bias, as in its released code. The network resizes images to
299x299 as TensorFlow 1's bilinear resizing does; greyscale images are repeated to three channels.

Weights are read from a file and never downloaded. They are for photographs: on digits, clothes or faces alone they are of
little use.
Sources: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule"; Salimans et al., "Improved Techniques for Training GANs".
"""

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from espalier.data.errors import InputError
from espalier.data.files import file_digest
from espalier.stages.features.extractor import Extractor
from espalier.stages.process.distribution import installing

WIDTH, SIDE = 2048, 299


class Inception(Extractor):
    """The network with loaded weights."""

    name, suffix, width, least, channels, at_once = "inception", "", WIDTH, 100, (1, 3), 32

    def __init__(self, network: nn.Module, digest: str) -> None:
        self.network, self.digest = network, digest

    def features(self, images: Tensor) -> Tensor:
        found: Tensor = self.network(images.to(self._classes.device).expand(-1, 3, -1, -1))[0]
        return found

    def resizer(self, side: int) -> str:
        return f"Inception's own, bilinear as in TensorFlow 1, from {side} to {SIDE}"

    def logits(self, features: Tensor) -> Tensor:
        return features @ self._classes.cpu().t()

    @property
    def _classes(self) -> Tensor:
        """The last layer's weights (1008, 2048)."""
        weights: Tensor = self.network.get_submodule("fc").get_parameter("weight")
        return weights


def load_inception(file: Path | None, device: torch.device) -> Inception:
    """Inception with weights from a file, by default torch-fidelity's file in the torch.hub cache.

    Raises:
        InputError: torch-fidelity is not installed, or the file is missing, damaged, or holds something else.
    """
    try:
        from torch_fidelity import feature_extractor_inceptionv3 as theirs
    except ImportError as error:
        raise InputError(f"Inception needs torch-fidelity; install it with: {installing('inception')}") from error
    published = theirs.URL_INCEPTION_V3.rpartition("/")[2]
    file = file or Path(torch.hub.get_dir()) / "checkpoints" / published
    digest = _checked(file, published)
    try:
        network: Any = theirs.FeatureExtractorInceptionV3(
            "inception-v3-compat", [str(WIDTH)], feature_extractor_weights_path=str(file)
        )
    except (RuntimeError, TypeError, AttributeError) as error:
        raise InputError(f"{file} does not hold weights of this Inception: {error}. {_remedy(published)}") from error
    return Inception(network.to(device), digest)


def _checked(file: Path, published: str) -> str:
    """The file's digest, after checking that it is intact and holds only tensors: torch-fidelity would run any code in it."""
    if not file.is_file():
        raise InputError(f"Inception's weights are not at {file}. {_remedy(published)}")
    digest, named = file_digest(file), re.search(r"-([0-9a-f]{8})\.\w+$", file.name)
    if named and not digest.startswith(named[1]):
        raise InputError(
            f"{file} is damaged: its SHA-256 starts with {digest[:8]}, but its name says {named[1]}. "
            f"{_remedy(published)}"
        )
    try:
        torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises almost any on a file that it has not written
        why = str(error).partition("\n")[0]
        raise InputError(f"{file} cannot be read as weights: {why}. {_remedy(published)}") from error
    return digest


def _remedy(published: str) -> str:
    return (
        f"Nothing is downloaded: take {published} from torch-fidelity's releases on GitHub (pytorch-fid's file "
        f"pt_{published.partition('-')[2]} is the same) and pass --features PATH, or put it into "
        f"{Path(torch.hub.get_dir()) / 'checkpoints'} and pass --features inception; or omit --features to compute fid_local "
        "with the dataset's own feature network"
    )
