"""FashionGAN's condition for each image of a dataset: its sentence, the person's attributes, and a map.

Sources: Zhu et al., "Be Your Own Prada" (2017), section 3.1 (the person's ten attributes, the merged and reduced map), and the
released data and demo code (classes, their order, one mask per merged class, downsampled bicubically to 8x8).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from espalier.data.errors import InputError
from espalier.data.store import Store
from espalier.models.fashiongan.condition import CLASSES, COARSE, SentenceAndMap
from espalier.stages.fashiongan.networks import MapForm
from espalier.stages.fashiongan.text import Text
from espalier.stages.kinds.maps import one_hot
from espalier.stages.process.seeds import chosen

MERGED = ((1,), (2,), (3, 4, 5, 6), (0,))
"""The four classes of a coarse map: hair, face, the rest of the person, background."""

HAIR, FACE, BACKGROUND = 1, 2, 0
AT_ONCE = 256


def coarse(maps: Tensor, form: MapForm) -> Tensor:
    """Classes (B, R, R) -> share of each class in an 8x8 grid, (B, 4 or 7, 8, 8); bicubic, so values may fall outside 0..1."""
    masks = one_hot(maps)
    if form == "coarse4":
        masks = torch.stack([sum(masks[:, (c - 1) % CLASSES] for c in group) for group in MERGED], dim=1)  # type: ignore[misc]
    return F.interpolate(masks, size=(COARSE, COARSE), mode="bicubic", antialias=True)


def person(record: Mapping[str, Any], image: NDArray[np.uint8], classes: NDArray[np.uint8]) -> list[float]:
    """Return the ten attributes of a person, each in 0..1: woman, long hair, hat, sunglasses (0.5 if unknown); red,
    green, blue and brightness of the skin; height and width, as fractions of the image's side.

    `image` uint8 (R, R, channels), `classes` uint8 (R, R). The last six are measured in the image.
    """
    said = record.get("attributes", {})
    skin = image[classes == FACE].reshape(-1, image.shape[-1])
    red, green, blue = (np.median(skin, axis=0) / 255 if len(skin) else np.full(image.shape[-1], 0.5)).tolist()[:3] * (
        3 if image.shape[-1] == 1 else 1
    )
    rows, columns = np.nonzero(classes != BACKGROUND)
    size = len(classes)
    height, width = ((np.ptp(places) + 1) / size if len(places) else 0.0 for places in (rows, columns))
    return [
        _yes(said, "person", ("woman",), ("man",)),
        _yes(said, "hair_length", ("medium", "long"), ("bald", "short")),
        _yes(said, "hat", (True, "True", "yes"), (False, "none", "False", "no")),
        _yes(said, "sunglasses", (True, "True", "yes"), (False, "False", "no")),
        red, green, blue, 0.299 * red + 0.587 * green + 0.114 * blue, float(height), float(width),
    ]  # fmt: skip


def _yes(said: Mapping[str, Any], key: str, yes: Sequence[Any], no: Sequence[Any]) -> float:
    """Return 1, 0, or 0.5 if unknown; any value of `hat` not in `no` counts as yes."""
    if key not in said:
        return 0.5
    if said[key] in no:
        return 0.0
    return 1.0 if said[key] in yes or key == "hat" else 0.5


class Outfits:
    """Conditions of N images: `codes` float32 (N, width) and `maps` uint8 (N, R, R), moved to `device` per batch."""

    def __init__(
        self, codes: NDArray[np.float32], maps: NDArray[np.uint8], form: MapForm, device: torch.device
    ) -> None:
        self.codes, self.maps, self.form, self.device = codes, maps, form, device

    def at(self, indices: NDArray[np.int64]) -> SentenceAndMap:
        """Return the condition of these images."""
        maps = torch.from_numpy(self.maps[indices]).to(self.device, non_blocking=True)
        code = torch.from_numpy(self.codes[indices]).to(self.device, non_blocking=True)
        return SentenceAndMap(code, given_map(maps, self.form))

    def examples(self, count: int) -> SentenceAndMap:
        """Return the condition of `count` images, chosen at random; all in turn, if there are fewer."""
        return self.at(np.resize(chosen(len(self.codes), count, "shown"), count))


def given_map(maps: Tensor, form: MapForm) -> Tensor:
    """Encode classes (B, R, R) as the networks' input map."""
    return one_hot(maps) if form == "full" else coarse(maps, form)


def sentence_codes(store: Store, text: Text | None) -> NDArray[np.float32]:
    """Return each image's sentence code, float32 (N, width), from the encoder or, without one, from the dataset.

    Raises:
        InputError: there are no sentences or codes, or a sentence cannot be encoded (names the image's index).
    """
    if text is None:
        codes = store.codes()
        if codes is None:
            raise InputError(
                f"the dataset {store.path} has no sentence codes; set encoder to an encoder's artifact, such as "
                "artifacts/texts/outfits"
            )
        return codes
    parts = []
    sentences = [str(record.get("sentence", "")) for record in store.records()]
    for start in range(0, len(sentences), AT_ONCE):
        parts.append(_encoded(store, text, sentences, start))
    return np.concatenate(parts)


def _encoded(store: Store, text: Text, sentences: list[str], start: int) -> NDArray[np.float32]:
    some = sentences[start : start + AT_ONCE]
    try:
        found: NDArray[np.float32] = text.encode(some).cpu().numpy()
        return found
    except InputError:
        for index, sentence in enumerate(some, start=start):
            try:
                text.numbers(sentence)
            except InputError as error:
                raise InputError(f"the dataset {store.path}, image {index}: {error}") from error
        raise


def codes_of(store: Store, resolution: int, text: Text | None, human: int) -> NDArray[np.float32]:
    """Return each image's condition apart from its map, float32 (N, human + width): person attributes, then sentence code."""
    codes = sentence_codes(store, text)
    if not human:
        return codes
    images, maps = store.images(resolution), store.maps(resolution)
    people = [person(record, images[i], maps[i]) for i, record in enumerate(store.records())]
    return np.concatenate([np.array(people, dtype=np.float32), codes], axis=1)
