"""The embedded dataset: dressed dolls, drawn by our own code, with maps, attributes and sentences."""

from typing import Annotated, Literal

from pydantic import Field

from espalier.data.dolls import doll
from espalier.data.dolls.colours import Background
from espalier.data.sources.source import Listing, Picture, Resolution, Source


class DollSource(Source):
    """Drawn dolls. Picture i depends on (seed, i) only. `root` names the code that draws them."""

    source: Literal["dolls"]
    count: int = Field(default=20_000, ge=1, description="how many dolls to draw")
    seed: int = Field(default=0, ge=0, description="another seed, other dolls")
    background: Background | None = Field(default=None, description="a plain one for all dolls; else each has its own")
    resolution: Annotated[Resolution, Field(le=256)] = 64

    def listing(self) -> Listing:
        return Listing(names=[f"doll {i}" for i in range(self.count)], channels=3, has_maps=True)

    def picture(self, listing: Listing, index: int) -> Picture:
        drawn = doll(self.seed, index, self.resolution, self.background)
        record = {"attributes": drawn.attributes, "sentence": drawn.sentence}
        return Picture(drawn.image, map=drawn.map, record=record)
