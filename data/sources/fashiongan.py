"""The FashionGAN release: photos of people with segmentation maps, sentences, attributes and sentence codes."""

from typing import Annotated, Any, Literal

import numpy as np
from PIL import Image
from pydantic import Field

from espalier.data.images import map_to_square, to_square
from espalier.data.sources.release import CODE_WIDTH, Release, check_upright, open_release
from espalier.data.sources.source import Example, Listing, Resolution, Source


def _donor(release: Release, index: int) -> dict[str, Any]:
    """The image whose sentence test image `index` is conditioned on: `donor`, its index within the test split.

    The release picks donors among all N images. A donor outside the test split is not in the prepared dataset, so
    its sentence is stored instead, as `donor_sentence`.
    """
    number = release.donors[index]
    places = np.flatnonzero(release.splits["test"] == number)
    return {"donor": int(places[0])} if len(places) else {"donor_sentence": release.sentences[number]}


class FashionganSource(Source):
    """The release of FashionGAN (Zhu et al., 2017); `root` is its data_release folder, see docs/fashiongan-data.md.

    Images follow the order of the release's train_ind or test_ind. The photo comes from G2.h5 and its map from G1.h5,
    which the first stage learns from and the 8x8 constraints describe. Records hold `file`, `sentence`, `attributes`
    (numbers as text: category 1..19, colour 1..17, gender 0 or 1, sleeve 1..4) and, in the test split, the source of
    the sentence to condition on: `donor` or `donor_sentence`. No image may be damaged: donor indices would shift.
    """

    source: Literal["fashiongan"]
    split: Literal["train", "test"] = Field(default="train", description="split of the release")
    resolution: Annotated[Resolution, Field(le=128)] = 128

    def listing(self) -> Listing:
        open_release.cache_clear()
        release = open_release(self.root)
        check_upright(release.images)
        names = [release.names[number] for number in release.splits[self.split]]
        return Listing(names, channels=3, has_maps=True, code_width=CODE_WIDTH)

    def example(self, listing: Listing, index: int) -> Example:
        release = open_release(self.root)
        number = int(release.splits[self.split][index])
        photo = Image.fromarray(np.rint(release.images.photo(number).clip(0, 1) * 255).astype(np.uint8))
        record = {
            "file": release.names[number],
            "sentence": release.sentences[number],
            "attributes": {name: values[number] for name, values in release.attributes.items()},
        }
        if self.split == "test":
            record |= _donor(release, index)
        return Example(
            to_square(photo, self.resolution, listing.channels),
            map=map_to_square(release.images.map(number), self.resolution),
            record=record,
            code=release.codes[number],
        )
