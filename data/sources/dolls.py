"""The embedded dataset: clothed dolls, drawn by our own code, with segmentation maps, attributes and sentences."""

from typing import Annotated, Literal

from pydantic import Field

from espalier.data.dolls import doll
from espalier.data.dolls.colours import Background
from espalier.data.sources.source import Example, Listing, Resolution, Source


class DollSource(Source):
    """Drawn dolls. Image i depends only on (seed, i). `root` is the path of the drawing code."""

    source: Literal["dolls"]
    count: int = Field(default=20_000, ge=1, description="number of dolls to draw")
    seed: int = Field(default=0, ge=0, description="seed for drawing the dolls")
    background: Background | None = Field(
        default=None, description="plain background for all dolls; if unset, each has its own"
    )
    resolution: Annotated[Resolution, Field(le=256)] = 64

    def listing(self) -> Listing:
        return Listing(names=[f"doll {i}" for i in range(self.count)], channels=3, has_maps=True)

    def example(self, listing: Listing, index: int) -> Example:
        drawn = doll(self.seed, index, self.resolution, self.background)
        record = {"attributes": drawn.attributes, "sentence": drawn.sentence}
        return Example(drawn.image, map=drawn.map, record=record)
