"""The properties of a doll, which determine its drawing and sentence, and how they are sampled."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Literal, TypeVar

import numpy as np

from espalier.data.dolls.colours import (
    BACKGROUNDS,
    COLORS,
    HAIRS,
    SKINS,
    Background,
    Color,
    HairColor,
    Skin,
)
from espalier.data.dolls.patterns import Pattern

Person = Literal["woman", "man"]
Garment = Literal["t-shirt", "shirt", "blouse", "sweater", "tank top", "dress"]
Lower = Literal["trousers", "jeans", "shorts", "skirt", "dress"]
Sleeve = Literal["none", "short", "elbow", "long"]
HairLength = Literal["bald", "short", "medium", "long"]
HairStyle = Literal["smooth", "curly", "tied"]
Hat = Literal["none", "cap", "beanie", "sun hat", "beret", "bowler"]
Shoes = Literal["sneakers", "boots", "flats"]


@dataclass(frozen=True, slots=True)
class Pose:
    """Joint angles in radians. Left and right are the image's; 0 hangs straight down, positive is outwards."""

    left_arm: float
    left_elbow: float
    right_arm: float
    right_elbow: float
    left_leg: float
    left_knee: float
    right_leg: float
    right_knee: float
    lean: float
    tilt: float


@dataclass(frozen=True, slots=True)
class Doll:
    """One person in one outfit. For a dress, `garment` and `lower` are both "dress" and share one colour."""

    person: Person
    garment: Garment
    lower: Lower
    upper_color: Color
    lower_color: Color
    sleeve: Sleeve
    pattern: Pattern
    skin: Skin
    hair_length: HairLength
    hair_style: HairStyle
    hair_color: HairColor
    hat: Hat
    hat_color: Color
    sunglasses: bool
    shoes: Shoes
    shoe_color: Color
    background: Background
    pose: Pose
    body_height: float
    """Height from soles to crown, as a fraction of the image's side: 0.84..0.9."""
    body_width: float
    """Breadth of body and limbs, relative to the average: 0.88..1.16."""
    shift: float
    """Horizontal offset, as a fraction of the image's side: -0.02..0.02."""
    fit: float
    """Tight (0) to loose (1): sleeves, trouser legs, flare of a skirt."""
    upper_length: float
    """Hem of the top: waist (0) to hip (1)."""
    lower_length: float
    """Hem of shorts, skirt or dress: shortest (0) to longest (1)."""
    hair_fall: float
    """Shortest (0) to longest (1) within `hair_length`."""
    parting: float
    """Position of the parting: the image's left (-1) to its right (1)."""
    smile: float
    """None (0) to broad (1)."""
    gradient: float
    """Change of the background towards the bottom: darker (-1) to lighter (1)."""


WAISTS: dict[Person, float] = {"woman": 0.066, "man": 0.076}
"""Half the waist's width, as a fraction of the body's height."""

T = TypeVar("T")

_TOPS: dict[Person, dict[Garment, float]] = {
    "woman": {"t-shirt": 2, "shirt": 1.5, "blouse": 2, "sweater": 2, "tank top": 1.5, "dress": 4},
    "man": {"t-shirt": 3, "shirt": 3, "sweater": 3, "tank top": 1.2},
}
_BOTTOMS: dict[Person, dict[Lower, float]] = {
    "woman": {"trousers": 2, "jeans": 2, "shorts": 1.5, "skirt": 4},
    "man": {"trousers": 3, "jeans": 3, "shorts": 2.5},
}
_SLEEVES: dict[Garment, dict[Sleeve, float]] = {
    "t-shirt": {"short": 3, "elbow": 1},
    "shirt": {"short": 2, "elbow": 1, "long": 4},
    "blouse": {"none": 2, "short": 2, "elbow": 2, "long": 2},
    "sweater": {"elbow": 1, "long": 4},
    "tank top": {"none": 1},
    "dress": {"none": 3, "short": 3, "elbow": 2, "long": 2},
}
_HAIR_LENGTHS: dict[Person, dict[HairLength, float]] = {
    "woman": {"bald": 0.3, "short": 1.5, "medium": 3, "long": 4},
    "man": {"bald": 1.5, "short": 6, "medium": 1.2, "long": 0.6},
}
_PATTERNS: dict[Pattern, float] = {"plain": 5, "striped": 2, "dotted": 1.6, "checked": 1.6}
_HATS: dict[Hat, float] = {"none": 9, "cap": 1.3, "beanie": 1.3, "sun hat": 1.3, "beret": 1, "bowler": 1}
_DENIM: dict[Color, float] = {"blue": 6, "black": 2, "grey": 1.5, "white": 1, "pink": 0.4, "brown": 0.4}
_SHOES: dict[Shoes, float] = {"sneakers": 3, "boots": 2, "flats": 2}


def _pick(rng: np.random.Generator, weights: Mapping[T, float]) -> T:
    options = list(weights)
    steps = np.cumsum(list(weights.values()))
    return options[int(np.searchsorted(steps, rng.random() * steps[-1], side="right"))]


def _any(rng: np.random.Generator, options: Iterable[T]) -> T:
    every = list(options)
    return every[int(rng.integers(len(every)))]


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def _sample_arm(rng: np.random.Generator) -> tuple[float, float]:
    """Sample the angles of the upper arm and of the forearm relative to it."""
    kind = _pick(rng, {"relaxed": 5, "on hip": 2, "spread": 2, "waving": 0.9})
    if kind == "relaxed":
        return _between(rng, 0.14, 0.36), _between(rng, -0.22, 0.12)
    if kind == "on hip":
        return _between(rng, 0.68, 0.82), _between(rng, -1.72, -1.56)
    if kind == "spread":
        return _between(rng, 0.45, 1.0), _between(rng, -0.35, 0.55)
    return _between(rng, 1.25, 1.6), _between(rng, 0.95, 1.4)


def _sample_pose(rng: np.random.Generator) -> Pose:
    left_arm, left_elbow = _sample_arm(rng)
    right_arm, right_elbow = _sample_arm(rng)
    left_leg, right_leg = _between(rng, 0.0, 0.17), _between(rng, 0.0, 0.17)
    return Pose(
        left_arm=left_arm,
        left_elbow=left_elbow,
        right_arm=right_arm,
        right_elbow=right_elbow,
        left_leg=left_leg,
        left_knee=_between(rng, -0.1, 0.04),
        right_leg=right_leg,
        right_knee=_between(rng, -0.1, 0.04),
        lean=_between(rng, -0.06, 0.06),
        tilt=_between(rng, -0.1, 0.1),
    )


def _sample_lower(rng: np.random.Generator, person: Person, garment: Garment, upper: Color) -> tuple[Lower, Color]:
    if garment == "dress":
        return "dress", upper
    lower = _pick(rng, _BOTTOMS[person])
    if lower == "jeans":
        return lower, _pick(rng, _DENIM)
    # Equal colours are possible but rarer: two garments are easier to learn when they differ.
    return lower, _pick(rng, {color: 0.3 if color == upper else 1 for color in COLORS})


def sample_doll(rng: np.random.Generator) -> Doll:
    """Sample all properties of a doll from `rng`."""
    person: Person = _pick(rng, {"woman": 6, "man": 4})
    garment = _pick(rng, _TOPS[person])
    upper_color = _any(rng, COLORS)
    lower, lower_color = _sample_lower(rng, person, garment, upper_color)
    return Doll(
        person=person,
        garment=garment,
        lower=lower,
        upper_color=upper_color,
        lower_color=lower_color,
        sleeve=_pick(rng, _SLEEVES[garment]),
        pattern=_pick(rng, _PATTERNS),
        skin=_any(rng, SKINS),
        hair_length=_pick(rng, _HAIR_LENGTHS[person]),
        hair_style=_pick(rng, {"smooth": 5, "curly": 2, "tied": 1.2}),
        hair_color=_any(rng, HAIRS),
        hat=_pick(rng, _HATS),
        hat_color=_any(rng, COLORS),
        sunglasses=bool(rng.random() < 0.22),
        shoes=_pick(rng, _SHOES),
        shoe_color=_any(rng, COLORS),
        background=_any(rng, BACKGROUNDS),
        pose=_sample_pose(rng),
        body_height=_between(rng, 0.84, 0.9),
        body_width=_between(rng, 0.88, 1.16),
        shift=_between(rng, -0.02, 0.02),
        fit=_between(rng, 0, 1),
        upper_length=_between(rng, 0, 1),
        lower_length=_between(rng, 0, 1),
        hair_fall=_between(rng, 0, 1),
        parting=_between(rng, -1, 1),
        smile=_between(rng, 0, 1),
        gradient=_between(rng, -1, 1),
    )


def attributes(doll: Doll) -> dict[str, str | bool | float]:
    """Return the doll's properties by name, ready for JSON: categories, `sunglasses`, and measures rounded to 4 digits.

    The pose is flattened into `pose_left_arm` and so on.
    """
    flat: dict[str, str | bool | float] = {}
    for field in fields(doll):
        value = getattr(doll, field.name)
        if isinstance(value, Pose):
            flat |= {f"pose_{angle.name}": round(getattr(value, angle.name), 4) for angle in fields(value)}
        else:
            flat[field.name] = round(value, 4) if isinstance(value, float) else value
    return flat
