"""The named palettes and a few rules for mixing their colours."""

from functools import cache
from typing import Literal

Rgb = tuple[int, int, int]
"""Red, green, blue, each in 0..255."""

Color = Literal["red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "grey"]
Skin = Literal["porcelain", "fair", "beige", "tan", "brown", "deep"]
HairColor = Literal["black", "dark brown", "chestnut", "auburn", "ginger", "blond", "silver"]
Background = Literal["cream", "mist", "sky", "sage", "blush", "lilac", "sand", "slate", "dusk", "pine"]

COLORS: dict[Color, Rgb] = {
    "red": (209, 44, 52),
    "orange": (242, 134, 34),
    "yellow": (248, 209, 62),
    "green": (54, 148, 84),
    "blue": (48, 103, 202),
    "purple": (124, 70, 176),
    "pink": (244, 136, 178),
    "brown": (121, 76, 45),
    "black": (47, 46, 54),
    "white": (247, 245, 240),
    "grey": (143, 147, 155),
}
"""Colours of garments, hats and shoes; distinct enough to be named unambiguously."""

SKINS: dict[Skin, Rgb] = {
    "porcelain": (252, 226, 209),
    "fair": (245, 205, 178),
    "beige": (230, 180, 145),
    "tan": (203, 146, 106),
    "brown": (152, 98, 66),
    "deep": (104, 66, 47),
}

HAIRS: dict[HairColor, Rgb] = {
    "black": (40, 36, 42),
    "dark brown": (74, 49, 38),
    "chestnut": (119, 75, 46),
    "auburn": (139, 58, 40),
    "ginger": (206, 104, 46),
    "blond": (232, 195, 112),
    "silver": (190, 190, 196),
}

BACKGROUNDS: dict[Background, Rgb] = {
    "cream": (247, 240, 226),
    "mist": (228, 233, 236),
    "sky": (204, 224, 238),
    "sage": (208, 222, 204),
    "blush": (244, 220, 216),
    "lilac": (224, 216, 238),
    "sand": (226, 212, 188),
    "slate": (104, 118, 134),
    "dusk": (112, 100, 130),
    "pine": (88, 120, 114),
}
"""Colour at the top of the image, where the gradient starts."""

_INK: Rgb = (38, 26, 46)
_WHITE: Rgb = (255, 255, 255)


@cache
def mix(first: Rgb, second: Rgb, share: float) -> Rgb:
    """Mix `share` (0..1) of the second colour into the first."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def darker(colour: Rgb, share: float) -> Rgb:
    """Mix `share` (0..1) of a warm ink into the colour."""
    return mix(colour, _INK, share)


def lighter(colour: Rgb, share: float) -> Rgb:
    """Mix `share` (0..1) of white into the colour."""
    return mix(colour, _WHITE, share)


def gradient_end(top: Rgb, gradient: float) -> Rgb:
    """The colour at the bottom of a background: lighter than its top if `gradient` (-1..1) is positive, else darker."""
    return lighter(top, 0.5 * gradient) if gradient > 0 else darker(top, -0.22 * gradient)


def brightness(colour: Rgb) -> float:
    """Perceived brightness, 0..255."""
    red, green, blue = colour
    return 0.299 * red + 0.587 * green + 0.114 * blue
