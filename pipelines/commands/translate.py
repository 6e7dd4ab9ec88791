"""Dress a person as sentences describe, from artifacts alone."""

from pathlib import Path

import numpy as np

from espalier.data.errors import InputError
from espalier.data.sources.people import read_person
from espalier.data.sources.source import DamagedImage
from espalier.stages.fashiongan.outfits import person
from espalier.stages.fashiongan.sheet import Row, sheet
from espalier.stages.fashiongan.translator import People, Translator
from espalier.stages.kinds.grids import save_image
from espalier.stages.process.device import choose_device


def draw_outfits(
    photo: Path, classes: Path, sentences: list[str], number: int, seed: int, artifact: Path, out: Path
) -> list[str]:
    """Write the sheet, one row per sentence. Returns notes about words that the encoder does not know.

    Raises:
        InputError: a file or an artifact cannot be used, or a sentence describes nothing.
    """
    translator = Translator(artifact, choose_device())
    people = read_people(photo, classes, translator)
    codes = translator.codes(sentences)
    rows = []
    for sentence, code in zip(sentences, codes, strict=True):
        made = translator(_repeated(people, number), np.tile(code, (number, 1)), seed)
        maps = [people.maps[0]] * number if made.maps is None else list(made.maps)
        pairs = [image for pair in zip(maps, made.images, strict=True) for image in pair]
        rows.append(Row(sentence, [people.images[0], people.maps[0], *pairs]))
    heads = ["sentence", "person", "map", *["new map", "result"] * number]
    save_image(sheet(rows, heads), out)
    return [f"'{sentence}': {said}" for sentence in sentences if (said := unknown_words(translator, sentence))]


def read_people(photo: Path, classes: Path, translator: Translator) -> People:
    """Read one person at the translator's resolution.

    Raises:
        InputError: the image or its segmentation map cannot be used.
    """
    if not photo.is_file():
        raise InputError(f"there is no image {photo}")
    if not classes.is_file():
        raise InputError(
            f"the image has no segmentation map: there is no {classes}; give a palette PNG of its classes (--map)"
        )
    try:
        image, values = read_person(photo, classes, translator.resolution, translator.artifact.record.channels)
    except DamagedImage as error:
        raise InputError(f"{photo}: {error}") from error
    return People(image[None], values[None], np.array([person({}, image, values)], dtype=np.float32))


def _repeated(people: People, number: int) -> People:
    return People(
        np.repeat(people.images, number, axis=0),
        np.repeat(people.maps, number, axis=0),
        np.repeat(people.attributes, number, axis=0),
    )


def unknown_words(translator: Translator, sentence: str) -> str:
    """A note about the words of a sentence that the encoder does not know; empty if it knows all."""
    words = [] if translator.text is None else translator.text.unknown(sentence)
    return f"the encoder does not know {', '.join(words)}; ignored" if words else ""
