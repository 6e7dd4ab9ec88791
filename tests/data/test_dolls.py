"""The drawn dolls: the same for the same seed, true to their maps, attributes and sentences."""

import dataclasses
import json
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from espalier.data.dolls import doll
from espalier.data.dolls.canvas import Part
from espalier.data.dolls.colours import BACKGROUNDS, COLORS, HAIRS, SKINS
from espalier.data.dolls.drawing import draw
from espalier.data.dolls.outfit import (
    Doll,
    Garment,
    HairLength,
    HairStyle,
    Hat,
    Lower,
    Shoes,
    Sleeve,
    attributes,
    sample_doll,
)
from espalier.data.dolls.patterns import Pattern
from espalier.data.dolls.sentences import VOCABULARY, describe
from espalier.data.words import words

SLEEVE_WORDS: dict[Sleeve, set[str]] = {
    "none": {"sleeveless", "without", "no"},
    "short": {"short", "short-sleeved"},
    "elbow": {"elbow", "elbow-length", "half-sleeved"},
    "long": {"long", "long-sleeved", "full-length"},
}
PATTERN_WORDS: dict[Pattern, set[str]] = {
    "plain": {"plain"},
    "striped": {"striped", "stripy", "stripes"},
    "dotted": {"dotted", "spotted", "polka-dot", "polka", "dots"},
    "checked": {"checked", "chequered", "checks"},
}
GARMENT_WORDS: dict[Garment, set[str]] = {
    "t-shirt": {"t-shirt", "tee"},
    "shirt": {"shirt"},
    "blouse": {"blouse"},
    "sweater": {"sweater", "jumper", "pullover"},
    "tank top": {"top"},
    "dress": {"dress", "frock"},
}


def sampled(index: int, **changes: object) -> Doll:
    """Doll `index` of seed 0 with some attributes replaced."""
    return dataclasses.replace(sample_doll(np.random.default_rng([0, index])), **changes)  # type: ignore[arg-type]


def grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask and the pixels next to it."""
    padded = np.pad(mask, 1)
    height, width = mask.shape
    shifts = [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    spread: NDArray[np.bool_] = np.any(shifts, axis=0)
    return spread


def told(sentence: str, table: dict[Sleeve, set[str]] | dict[Pattern, set[str]]) -> set[str]:
    """The categories of the table that the sentence names."""
    return {category for category, names in table.items() if names & set(words(sentence))}


@pytest.mark.parametrize("resolution", [4, 8, 16, 32, 64, 128, 256])
def test_shapes_and_classes(resolution: int) -> None:
    image = doll(0, 3, resolution)
    assert image.image.shape == (resolution, resolution, 3)
    assert image.map.shape == (resolution, resolution)
    assert image.image.dtype == image.map.dtype == np.uint8
    assert image.map.max() < len(Part)


def test_the_same_seed_and_index_give_the_same_doll() -> None:
    first, second = doll(5, 7, 64), doll(5, 7, 64)
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.map, second.map)
    assert (first.attributes, first.sentence) == (second.attributes, second.sentence)
    assert doll(5, 8, 64).attributes != first.attributes
    assert doll(6, 7, 64).attributes != first.attributes


def test_resolutions_show_the_same_doll() -> None:
    small, large = doll(1, 2, 32), doll(1, 2, 64)
    assert (small.attributes, small.sentence) == (large.attributes, large.sentence)
    halved = large.image.reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
    assert np.abs(halved - small.image).max() <= 1


def test_every_person_has_a_face_a_body_and_stands_upright() -> None:
    for index in range(40):
        classes = doll(2, index, 64).map
        rows = np.flatnonzero((classes != Part.BACKGROUND).any(axis=1))
        assert {Part.FACE, Part.LOWER, Part.LEGS, Part.ARMS} <= set(np.unique(classes))
        assert 52 <= rows[-1] - rows[0] + 1 <= 62
        assert not (classes[:, 0] != Part.BACKGROUND).any()
        assert not (classes[:, -1] != Part.BACKGROUND).any()


def test_a_dress_is_lower_clothes() -> None:
    for index in range(200):
        drawn = sampled(index)
        if index < 40 or drawn.garment == "dress":
            classes = set(np.unique(draw(drawn, 32)[1]))
            assert (Part.UPPER in classes) == (drawn.garment != "dress")
            assert Part.LOWER in classes
        if drawn.garment == "dress":
            assert drawn.lower == "dress"
            assert drawn.upper_color == drawn.lower_color


def test_longer_sleeves_leave_fewer_arm_pixels() -> None:
    for index in range(15):
        areas = [
            np.count_nonzero(draw(sampled(index, sleeve=sleeve), 64)[1] == Part.ARMS)
            for sleeve in ("none", "short", "elbow", "long")
        ]
        assert areas == sorted(areas, reverse=True)
        assert areas[0] > 2 * areas[3]


def test_sunglasses_and_hat_belong_to_their_classes() -> None:
    for index in range(10):
        plain = draw(sampled(index, sunglasses=False, hat="none"), 128)
        glasses = draw(sampled(index, sunglasses=True, hat="none"), 128)
        hat = draw(sampled(index, sunglasses=False, hat="sun hat"), 128)
        changed = (plain[0] != glasses[0]).any(axis=2)
        assert changed.any()
        assert (glasses[1][changed] == Part.FACE).mean() > 0.8
        assert np.count_nonzero(hat[1] == Part.HAIR) > np.count_nonzero(plain[1] == Part.HAIR)


def test_undrawn_corners_have_the_background_colour() -> None:
    for index in range(20):
        drawn = sampled(index)
        image, classes = draw(drawn, 64)
        assert classes[0, 0] == Part.BACKGROUND
        assert np.abs(image[0, 0].astype(int) - BACKGROUNDS[drawn.background]).max() <= 2


@pytest.mark.parametrize(
    ("attribute", "part"),
    [
        ("upper_color", Part.UPPER),
        ("lower_color", Part.LOWER),
        ("hat_color", Part.HAIR),
        ("shoe_color", Part.LEGS),
    ],
)
def test_a_colour_changes_only_its_own_part(attribute: str, part: Part) -> None:
    for index in range(12):
        outfit = {"garment": "shirt", "lower": "trousers", "hat": "sun hat"}
        one, classes = draw(sampled(index, **outfit, **{attribute: "red"}), 64)
        two, same_classes = draw(sampled(index, **outfit, **{attribute: "blue"}), 64)
        assert np.array_equal(classes, same_classes)
        change = np.abs(one.astype(int) - two).max(axis=2)
        outside = change[~grown(classes == part)]
        # Red and blue differ by 161: a pixel outside may hold a little of the part, never most of it.
        assert change.max() > 100
        assert outside.max() < 60
        assert outside.sum() < 0.02 * change.sum()


@pytest.mark.parametrize("color", list(COLORS))
def test_garments_have_the_named_colour(color: str) -> None:
    drawn = sampled(4, garment="t-shirt", lower="trousers", pattern="plain", upper_color=color, lower_color=color)
    image, classes = draw(drawn, 64)
    for part in (Part.UPPER, Part.LOWER):
        typical = np.median(image[classes == part], axis=0)
        distances = {name: np.abs(typical - rgb).sum() for name, rgb in COLORS.items()}
        assert min(distances, key=distances.__getitem__) == color
        assert distances[drawn.upper_color] < 70


def test_edges_are_smooth() -> None:
    drawn = sampled(4, garment="t-shirt", pattern="plain", upper_color="black", background="cream", gradient=0.0)
    image, classes = draw(drawn, 64)
    border = grown(classes == Part.UPPER) & (classes == Part.BACKGROUND)
    shades = np.unique(image[border][:, 0])
    assert len(shades) > 6


def test_all_categories_occur() -> None:
    seen = [sample_doll(np.random.default_rng([3, index])) for index in range(400)]
    categories: dict[str, set[object]] = {
        "garment": set(get_args(Garment)),
        "lower": set(get_args(Lower)),
        "sleeve": set(get_args(Sleeve)),
        "pattern": set(get_args(Pattern)),
        "hair_length": set(get_args(HairLength)),
        "hair_style": set(get_args(HairStyle)),
        "hat": set(get_args(Hat)),
        "shoes": set(get_args(Shoes)),
        "upper_color": set(COLORS),
        "lower_color": set(COLORS),
        "hat_color": set(COLORS),
        "skin": set(SKINS),
        "hair_color": set(HAIRS),
        "background": set(BACKGROUNDS),
        "sunglasses": {True, False},
        "person": {"woman", "man"},
    }
    for name, expected in categories.items():
        assert {getattr(one, name) for one in seen[:300]} == expected, name


def test_attributes_are_json() -> None:
    described = attributes(sampled(0))
    assert json.loads(json.dumps(described)) == described
    assert {"garment", "upper_color", "sleeve", "sunglasses", "body_height", "pose_lean"} <= set(described)


def test_sentences_are_true() -> None:
    mentions = 0
    for index in range(600):
        drawn = sampled(index)
        sentence = describe(drawn, np.random.default_rng(index))
        named = set(words(sentence))
        assert drawn.upper_color in named
        assert GARMENT_WORDS[drawn.garment] & named
        assert named & set(COLORS) <= {drawn.upper_color, drawn.lower_color, drawn.hat_color}
        assert told(sentence, SLEEVE_WORDS) <= {drawn.sleeve}
        assert told(sentence, PATTERN_WORDS) <= {drawn.pattern}
        assert drawn.sunglasses or not {"sunglasses", "glasses"} & named
        assert drawn.hat != "none" or not {"hat", "cap", "beanie", "beret", "bowler"} & named
        mentions += bool(told(sentence, SLEEVE_WORDS))
    assert 300 < mentions < 550


def test_sentences_are_well_formed() -> None:
    for index in range(600):
        sentence = describe(sampled(index), np.random.default_rng(index))
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert "  " not in sentence
        assert "{" not in sentence
        for article, following in zip(words(sentence), words(sentence)[1:], strict=False):
            if article in ("a", "an"):
                assert (article == "an") == (following[0] in "aeiou"), sentence


def test_the_vocabulary_is_complete() -> None:
    used = {word for index in range(3000) for word in words(describe(sampled(index), np.random.default_rng(index)))}
    assert used == VOCABULARY
