"""Stacked MNIST: three random digits as the red, green and blue of one image, which gives 1000 countable modes.

Source: Metz et al., "Unrolled Generative Adversarial Networks" (2017); Lin et al., "PacGAN: The power of two samples
in generative adversarial networks" (2018). Both use digits of MNIST's training set only and keep them at 28x28; here
they are padded with black to 32x32, as in Karras et al., "Progressive Growing of GANs" (2018), appendix E.
"""

from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from espalier.data.errors import InputError
from espalier.data.sources.source import Example, Listing, Source

FILES = tuple(
    f"{part}-ubyte" for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
)
"""Files torchvision requires in MNIST/raw to open MNIST."""


@lru_cache(maxsize=2)
def _digits(root: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """MNIST's training or test digits, uint8 (N, 28, 28), and their classes, int64 (N,)."""
    from torchvision.datasets import MNIST

    folder = root / "MNIST" / "raw"
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"stacked MNIST is made of MNIST, and {folder} lacks {', '.join(missing)}; put MNIST's unpacked files "
            "there, or check the dataset's 'root' in params.yaml (the folder that holds MNIST/raw)"
        )
    try:
        mnist = MNIST(str(root), train=split == "train", download=False)
    # On a damaged file its reader raises anything from AssertionError to KeyError.
    except Exception as error:
        raise InputError(
            f"MNIST in {folder} cannot be read ({type(error).__name__}: {error}); put fresh unpacked files there"
        ) from error
    return mnist.data.numpy(), mnist.targets.numpy()


class StackedMnist(Source):
    """Images of three independent MNIST digits a, b, c as R, G and B; the class is 100 a + 10 b + c.

    Image i depends only on (seed, i); its record lists the indices of the three digits in MNIST's split.
    `root` follows torchvision: the folder that holds MNIST/raw.
    """

    count: int = Field(default=50_000, ge=1, description="number of images to generate")
    seed: int = Field(default=0, ge=0, description="seed for combining digits")
    split: Literal["train", "test"] = Field(default="train", description="MNIST split to take digits from")
    resolution: Literal[32] = 32

    def listing(self) -> Listing:
        _digits(self.root, self.split)
        return Listing([f"stack {i}" for i in range(self.count)], 3, classes=[f"{k:03}" for k in range(1000)])

    def example(self, listing: Listing, index: int) -> Example:
        digits, classes = _digits(self.root, self.split)
        chosen = np.random.default_rng([self.seed, index]).integers(len(digits), size=3)
        image = np.zeros((32, 32, 3), dtype=np.uint8)
        image[2:30, 2:30] = np.moveaxis(digits[chosen], 0, -1)
        return Example(image, int(classes[chosen] @ (100, 10, 1)), record={"digits": chosen.tolist()})
