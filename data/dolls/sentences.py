"""Generate one English sentence about a doll's outfit from a small grammar.

Every word comes from the tables below, so the vocabulary is known without sampling.
"""

import re
from collections.abc import Iterable, Sequence
from typing import get_args

import numpy as np

from espalier.data.dolls.colours import Color
from espalier.data.dolls.outfit import Doll, Garment, Hat, Lower, Person, Sleeve
from espalier.data.dolls.patterns import Pattern
from espalier.data.words import words

_WEARERS: dict[Person, Sequence[str]] = {"woman": ("woman", "lady"), "man": ("man", "gentleman")}

_GARMENTS: dict[Garment, Sequence[str]] = {
    "t-shirt": ("t-shirt", "tee"),
    "shirt": ("shirt", "button-up shirt"),
    "blouse": ("blouse",),
    "sweater": ("sweater", "jumper", "pullover"),
    "tank top": ("tank top", "vest top"),
    "dress": ("dress", "frock"),
}

_LOWERS: dict[Lower, Sequence[str]] = {
    "trousers": ("trousers", "pants"),
    "jeans": ("jeans", "denim jeans"),
    "shorts": ("shorts",),
    "skirt": ("skirt",),
}

_HATS: dict[Hat, Sequence[str]] = {
    "cap": ("cap", "baseball cap"),
    "beanie": ("beanie", "knitted hat"),
    "sun hat": ("sun hat", "wide-brimmed hat"),
    "beret": ("beret",),
    "bowler": ("bowler hat", "bowler"),
}

_SLEEVE_PHRASES: dict[Sleeve, Sequence[str]] = {
    "none": ("without sleeves", "with no sleeves"),
    "short": ("with short sleeves",),
    "elbow": ("with elbow-length sleeves", "with sleeves to the elbow"),
    "long": ("with long sleeves", "with full-length sleeves"),
}
_SLEEVE_ADJECTIVES: dict[Sleeve, Sequence[str]] = {
    "none": ("sleeveless",),
    "short": ("short-sleeved",),
    "elbow": ("half-sleeved",),
    "long": ("long-sleeved",),
}

_PATTERN_ADJECTIVES: dict[Pattern, Sequence[str]] = {
    "plain": ("plain",),
    "striped": ("striped", "stripy"),
    "dotted": ("dotted", "spotted", "polka-dot"),
    "checked": ("checked", "chequered"),
}
_PATTERN_PHRASES: dict[Pattern, Sequence[str]] = {
    "striped": ("with stripes",),
    "dotted": ("with dots", "with polka dots"),
    "checked": ("with checks",),
}

_DRESS_SHAPES = (
    "{a_wearer} in {top}",
    "{a_wearer} wearing {top}",
    "the {wearer} is wearing {top}",
    "the {wearer} wears {top}",
    "{a_wearer}'s {bare_top}",
    "{top}",
)
_PAIR_SHAPES = (
    "{a_wearer} in {top} and {bottom}",
    "{a_wearer} wearing {top} and {bottom}",
    "the {wearer} is wearing {top} and {bottom}",
    "the {wearer} wears {bottom} and {top}",
    "{top} over {bottom}",
    "{bottom} and {top}",
    "{top}, worn with {bottom}",
    "{a_wearer}'s {bare_top}",
)
_EXTRAS = (", with {extra}", ", plus {extra}", ", and also {extra}")
_PAIR_OF, _AND, _SUNGLASSES = "a pair of", "and", ("sunglasses", "dark glasses")

_PATTERN_SHARE, _PLAIN_SHARE, _SLEEVE_SHARE, _EXTRA_SHARE = 0.75, 0.12, 0.7, 0.6
"""Probabilities that a sentence mentions a pattern, the absence of one, the sleeves, and a hat or sunglasses."""


def _vocabulary() -> frozenset[str]:
    tables: tuple[Iterable[Sequence[str]], ...] = (
        _WEARERS.values(),
        _GARMENTS.values(),
        _LOWERS.values(),
        _HATS.values(),
        _SLEEVE_PHRASES.values(),
        _SLEEVE_ADJECTIVES.values(),
        _PATTERN_ADJECTIVES.values(),
        _PATTERN_PHRASES.values(),
    )
    phrases = [phrase for table in tables for options in table for phrase in options]
    phrases += [f"{wearer}'s" for options in _WEARERS.values() for wearer in options]
    phrases += [re.sub(r"\{a_wearer\}'s|\{\w+\}", "", shape) for shape in _DRESS_SHAPES + _PAIR_SHAPES + _EXTRAS]
    phrases += [*get_args(Color), *_SUNGLASSES, _PAIR_OF, _AND, "a", "an"]
    return frozenset(word for phrase in phrases for word in words(phrase))


VOCABULARY: frozenset[str] = _vocabulary()
"""Every word that `describe` may use, in lower case, tokenised by `words`."""


def _one(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def _with_article(phrase: str) -> str:
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def _top(doll: Doll, rng: np.random.Generator) -> str:
    """Describe the upper garment without an article: adjectives, colour, noun, trailing phrases."""
    adjectives, followers = [str(doll.upper_color)], []
    share = _PLAIN_SHARE if doll.pattern == "plain" else _PATTERN_SHARE
    if rng.random() < share:
        if doll.pattern in _PATTERN_PHRASES and rng.random() < 0.3:
            followers.append(_one(rng, _PATTERN_PHRASES[doll.pattern]))
        else:
            place = 0 if doll.pattern == "plain" else int(rng.integers(2))
            adjectives.insert(place, _one(rng, _PATTERN_ADJECTIVES[doll.pattern]))
    if rng.random() < _SLEEVE_SHARE:
        if followers or rng.random() < 0.45:
            adjectives.insert(0, _one(rng, _SLEEVE_ADJECTIVES[doll.sleeve]))
        else:
            followers.append(_one(rng, _SLEEVE_PHRASES[doll.sleeve]))
    return " ".join([*adjectives, _one(rng, _GARMENTS[doll.garment]), *followers])


def _bottom(doll: Doll, rng: np.random.Generator) -> str:
    noun = f"{doll.lower_color} {_one(rng, _LOWERS[doll.lower])}"
    if doll.lower == "skirt":
        return _with_article(noun)
    return f"{_PAIR_OF} {noun}" if rng.random() < 0.25 else noun


def _extra(doll: Doll, rng: np.random.Generator) -> str:
    extras = []
    if doll.hat != "none" and rng.random() < _EXTRA_SHARE:
        extras.append(_with_article(f"{doll.hat_color} {_one(rng, _HATS[doll.hat])}"))
    if doll.sunglasses and rng.random() < _EXTRA_SHARE:
        extras.append(_one(rng, _SUNGLASSES))
    return f" {_AND} ".join(extras)


def describe(doll: Doll, rng: np.random.Generator) -> str:
    """Describe the outfit: always the upper garment and its colour, often sleeves, pattern and more.

    Everything mentioned is true of the doll; anything not mentioned is unspecified.
    """
    wearer, top = _one(rng, _WEARERS[doll.person]), _top(doll, rng)
    dress = doll.garment == "dress"
    parts = {"wearer": wearer, "a_wearer": _with_article(wearer), "top": _with_article(top), "bare_top": top}
    if not dress:
        parts["bottom"] = _bottom(doll, rng)
    sentence = _one(rng, _DRESS_SHAPES if dress else _PAIR_SHAPES).format(**parts)
    extra = _extra(doll, rng)
    if extra:
        sentence += _one(rng, _EXTRAS).format(extra=extra)
    return f"{sentence[0].upper()}{sentence[1:]}."
