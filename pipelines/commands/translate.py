"""A person in the outfits of sentences, drawn: from artifacts alone."""

from pathlib import Path

import numpy as np

from espalier.data.errors import InputError
from espalier.data.sources.people import read_person
from espalier.data.sources.source import DamagedPicture
from espalier.stages.fashiongan.outfits import person
from espalier.stages.fashiongan.sheet import Row, sheet
from espalier.stages.fashiongan.translator import People, Translator
from espalier.stages.kinds.grids import save_picture
from espalier.stages.process.device import choose_device


def draw_outfits(
    photo: Path, classes: Path, sentences: list[str], number: int, seed: int, artifact: Path, out: Path
) -> list[str]:
    """Write the sheet, a row a sentence. Returns what to say of words that nobody knows.

    Raises:
        InputError: a file or an artifact cannot be used, or a sentence says nothing.
    """
    translator = Translator(artifact, choose_device())
    people = read_people(photo, classes, translator)
    codes = translator.codes(sentences)
    rows = []
    for sentence, code in zip(sentences, codes, strict=True):
        made = translator(_repeated(people, number), np.tile(code, (number, 1)), seed)
        maps = [people.maps[0]] * number if made.maps is None else list(made.maps)
        pairs = [picture for pair in zip(maps, made.pictures, strict=True) for picture in pair]
        rows.append(Row(sentence, [people.images[0], people.maps[0], *pairs]))
    heads = ["sentence", "person", "map", *["new map", "result"] * number]
    save_picture(sheet(rows, heads), out)
    return [f"'{sentence}': {said}" for sentence in sentences if (said := unknown_words(translator, sentence))]


def read_people(photo: Path, classes: Path, translator: Translator) -> People:
    """One person, read at the translator's resolution.

    Raises:
        InputError: the picture or its map cannot be used.
    """
    if not photo.is_file():
        raise InputError(f"there is no picture {photo}")
    if not classes.is_file():
        raise InputError(
            f"the picture has no map: there is no {classes}; right would be a palette PNG of its classes (--map)"
        )
    try:
        image, values = read_person(photo, classes, translator.resolution, translator.record.channels)
    except DamagedPicture as error:
        raise InputError(f"{photo}: {error}") from error
    return People(image[None], values[None], np.array([person({}, image, values)], dtype=np.float32))


def _repeated(people: People, number: int) -> People:
    return People(
        np.repeat(people.images, number, axis=0),
        np.repeat(people.maps, number, axis=0),
        np.repeat(people.attributes, number, axis=0),
    )


def unknown_words(translator: Translator, sentence: str) -> str:
    """What to say of a sentence's words that the encoder does not know; nothing, if it knows all."""
    words = [] if translator.text is None else translator.text.unknown(sentence)
    return f"nobody has told the encoder what {', '.join(words)} means; left out" if words else ""
