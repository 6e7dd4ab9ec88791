"""Where a dataset comes from. Each source is one file: its options, and how it yields picture i, or all its points."""

from typing import Annotated

from pydantic import Field

from espalier.data.sources.dolls import DollSource
from espalier.data.sources.fashiongan import FashionganSource
from espalier.data.sources.folder import FolderSource
from espalier.data.sources.people import PeopleSource
from espalier.data.sources.points import PointSource
from espalier.data.sources.stacked_mnist import StackedMnistSource
from espalier.data.sources.torchvision import TorchvisionSource

AnySource = Annotated[
    DollSource | FashionganSource | FolderSource | PeopleSource | PointSource | StackedMnistSource | TorchvisionSource,
    Field(discriminator="source"),
]
"""A source, chosen by its `source` key. All are sources of pictures but PointSource."""
