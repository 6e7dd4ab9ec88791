"""The people of FashionGAN's release: photos with maps, sentences, attributes and codes of the sentences."""

from typing import Annotated, Any, Literal

import numpy as np
from PIL import Image
from pydantic import Field

from espalier.data.images import map_to_square, to_square
from espalier.data.sources.release import CODE_WIDTH, Release, check_upright, open_release
from espalier.data.sources.source import Listing, Picture, Resolution, Source


def _donor(release: Release, index: int) -> dict[str, Any]:
    """Whose sentence picture `index` of the test split is told: `donor`, its index within the test split.

    The release names donors among all N pictures. One outside the test split is not in the prepared dataset, so there
    its sentence is kept instead, as `donor_sentence`.
    """
    number = release.donors[index]
    places = np.flatnonzero(release.splits["test"] == number)
    return {"donor": int(places[0])} if len(places) else {"donor_sentence": release.sentences[number]}


class FashionganSource(Source):
    """The release of FashionGAN (Zhu et al., 2017); `root` is its data_release folder, see docs/fashiongan-data.md.

    Pictures are in the order of the release's train_ind or test_ind. The photo is G2.h5's, its map G1.h5's, which is
    what the first stage learns and what the 8x8 constraints are of. Records hold `file`, `sentence`, `attributes`
    (numbers as text: category 1..19, colour 1..17, gender 0 or 1, sleeve 1..4) and, in the test split, whose sentence
    the picture is told: `donor` or `donor_sentence`. None may be damaged: the donors' indices would shift.
    """

    source: Literal["fashiongan"]
    split: Literal["train", "test"] = Field(default="train", description="which of the release's two splits")
    resolution: Annotated[Resolution, Field(le=128)] = 128

    def listing(self) -> Listing:
        open_release.cache_clear()
        release = open_release(self.root)
        check_upright(release.pictures)
        names = [release.names[number] for number in release.splits[self.split]]
        return Listing(names, channels=3, has_maps=True, code_width=CODE_WIDTH)

    def picture(self, listing: Listing, index: int) -> Picture:
        release = open_release(self.root)
        number = int(release.splits[self.split][index])
        photo = Image.fromarray(np.rint(release.pictures.photo(number).clip(0, 1) * 255).astype(np.uint8))
        record = {
            "file": release.names[number],
            "sentence": release.sentences[number],
            "attributes": {name: values[number] for name, values in release.attributes.items()},
        }
        if self.split == "test":
            record |= _donor(release, index)
        return Picture(
            to_square(photo, self.resolution, listing.channels),
            map=map_to_square(release.pictures.map(number), self.resolution),
            record=record,
            code=release.codes[number],
        )
