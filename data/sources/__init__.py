"""Where a dataset's pictures come from. Each source is one file: its options and how it yields picture number i."""

from typing import Annotated

from pydantic import Field

from data.sources.dolls import DollSource
from data.sources.folder import FolderSource
from data.sources.torchvision import TorchvisionSource

AnySource = Annotated[DollSource | FolderSource | TorchvisionSource, Field(discriminator="source")]
"""A source, chosen by its `source` key."""
