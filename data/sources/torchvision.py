"""Any torchvision image dataset, by class name."""

import difflib
import inspect
from functools import lru_cache
from typing import Any, Literal

from PIL import Image
from pydantic import Field, field_validator

from espalier.data.errors import InputError
from espalier.data.images import is_grey, to_square
from espalier.data.sources.source import DamagedImage, Example, Listing, Source


def _dataset_classes() -> dict[str, Any]:
    from torchvision import datasets

    found = {name: getattr(datasets, name) for name in datasets.__all__}
    return {n: c for n, c in found.items() if inspect.isclass(c) and issubclass(c, datasets.VisionDataset)}


@lru_cache(maxsize=1)
def _open(source: "TorchvisionSource") -> Any:
    """Open the torchvision dataset; download it only if it is not already in `root`."""
    make = _dataset_classes()[source.name]
    options: dict[str, Any] = {"root": str(source.root), **dict(source.options)}
    can_download = "download" in inspect.signature(make).parameters
    try:
        return make(**options, **({"download": False} if can_download else {}))
    except (RuntimeError, FileNotFoundError) as error:
        if not can_download:
            raise InputError(f"torchvision's {source.name} was not found in {source.root}: {error}") from error
    except TypeError as error:
        raise InputError(f"torchvision's {source.name} refused its options {options}: {error}") from error
    try:
        return make(**options, download=True)
    except Exception as error:
        raise InputError(
            f"{source.root} does not hold torchvision's {source.name}, and downloading it failed: {error}\n"
            "Put its files there, or check 'root' in params.yaml and the network."
        ) from error


class TorchvisionSource(Source):
    """A torchvision dataset such as MNIST, FashionMNIST, CIFAR10 or CelebA; `root` follows torchvision."""

    source: Literal["torchvision"]
    name: str = Field(description="class name in torchvision.datasets")
    options: tuple[tuple[str, Any], ...] = Field(
        default=(), description="extra constructor arguments, e.g. {split: train}"
    )

    @field_validator("options", mode="before")
    @classmethod
    def _pairs(cls, value: Any) -> Any:
        return tuple(sorted(value.items())) if isinstance(value, dict) else value

    @field_validator("name")
    @classmethod
    def _known(cls, value: str) -> str:
        known = _dataset_classes()
        if value not in known:
            near = difflib.get_close_matches(value, known, n=1, cutoff=0.4)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise ValueError(f"torchvision has no dataset '{value}'{hint}")
        return value

    def listing(self) -> Listing:
        dataset = _open(self)
        if len(dataset) == 0:
            raise InputError(f"torchvision's {self.name} in {self.root} is empty")
        first, _ = self._sample(0)
        classes = [str(c) for c in getattr(dataset, "classes", [])]
        return Listing([str(i) for i in range(len(dataset))], 1 if is_grey(first) else 3, classes)

    def _sample(self, index: int) -> tuple[Image.Image, int]:
        """An image and its label; -1 without one."""
        sample = _open(self)[index]
        image, label = (sample[0], sample[1]) if isinstance(sample, tuple) else (sample, -1)
        if not isinstance(image, Image.Image):
            raise InputError(f"torchvision's {self.name} gives {type(image).__name__}, not images")
        return image, label if isinstance(label, int) else -1

    def example(self, listing: Listing, index: int) -> Example:
        try:
            image, label = self._sample(index)
            return Example(to_square(image, self.resolution, listing.channels), label)
        except (OSError, ValueError, SyntaxError) as error:
            raise DamagedImage(f"{type(error).__name__}: {error}") from error
