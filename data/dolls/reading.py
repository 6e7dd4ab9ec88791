"""Recognise the outfit in an image by rules, to evaluate images that a generator has repainted.

The body in the image is known, so the approximate appearance of each garment on it can be computed: its outline is
overlaid on the bare body, sharp and blurred, and the best-fitting garment wins. Colours are named by comparing cloth
with swatches of all fabrics. Nothing is learned.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from espalier.data.dolls.canvas import _EDGE_DARKNESS, _EDGE_WIDTH, Canvas, Paint, Part
from espalier.data.dolls.colours import BACKGROUNDS, COLORS, SKINS, darker, gradient_end
from espalier.data.dolls.curves import Limb
from espalier.data.dolls.figure import ANKLE, WRIST, Figure
from espalier.data.dolls.outfit import Lower, Pose, Sleeve, sample_doll
from espalier.data.dolls.patterns import Fabric, Pattern
from espalier.data.dolls.sentences import _GARMENTS, _LOWERS, _SLEEVE_ADJECTIVES, _SLEEVE_PHRASES
from espalier.data.dolls.tops import _SLEEVE_ENDS
from espalier.data.words import words

Floats = NDArray[np.float64]


class Outfit(NamedTuple):
    """The parts of an outfit that are visible in its silhouette and colours."""

    garment: str
    """The kind of outfit: "dress", "trousers" (jeans too), "shorts" or "skirt" (with a top)."""
    sleeve: str
    """"none", "short", "elbow" or "long"."""
    upper_color: str
    """The top's colour, a name of `COLORS`."""
    lower_color: str
    """The lower garment's colour; for a dress, the same as `upper_color`."""


_KINDS: dict[Lower, str] = {
    "trousers": "trousers",
    "jeans": "trousers",
    "shorts": "shorts",
    "skirt": "skirt",
    "dress": "dress",
}

_LARGEST_SIDE = 64
"""Larger images are averaged down to this side; they hold no further information needed here."""

_CLIP = 50.0**2
"""Maximum error per pixel, a squared RGB distance: hair, hands and shoes may occlude the clothes."""

_INK = np.array(darker((0, 0, 0), 1.0), dtype=np.float64)
"""RGB of the ink that darkens outlines and folds."""

_SHADES = (0.0, 0.05, 0.1)
"""Shares of ink that folds and shadows may mix into a cloth."""

_SPREAD = 0.5
"""Weight of the contrast within a cloth when naming its colour; the mean colour has weight 1."""

_TWO_OF_A_COLOUR = 300.0
"""Penalty for a top and a skirt of the same colour, in the units of `_name_costs`: a dress is far more common."""

_CUTS = ((0.006, ANKLE), (0.014, ANKLE), (0.013, 7), (0.013, 9), (0.013, 11), (0.013, 13))
"""Trousers and shorts: looseness at the hem, as a fraction of the image's side, and the hem's index on the leg."""

_SKIRT_BOTTOMS = np.linspace(0.65, 0.88, 6)
_SKIRT_FLARES = (0.1, 0.6)
_SLEEVE_EASE = 0.009
"""Typical measures of the garments in tops.py and bottoms.py: ends are indices on a leg, the others lengths."""

_TORSO_HEIGHTS = (0.19, 0.2, 0.217, 0.245, 0.29, 0.385, 0.44, 0.56)
_TORSO_HALVES = (0.0, 0.074, 0.1, 0.104, 0.093, 0.07, 0.088, 0.0925)
"""Half the width of the clothed torso at these heights, in body coordinates."""

_DOLL = sample_doll(np.random.default_rng(0))
"""Supplies placeholder clothes for the bodies; they are never used."""


def worn(attributes: Mapping[str, Any]) -> Outfit:
    """What a doll with these attributes (see `espalier.data.dolls.outfit.attributes`) wears (ground truth)."""
    kind = _KINDS[attributes["lower"]]
    return Outfit(kind, attributes["sleeve"], attributes["upper_color"], attributes["lower_color"])


def mentioned(sentence: str, attributes: Mapping[str, Any]) -> frozenset[str]:
    """The fields of `Outfit` that a sentence (`espalier.data.dolls.sentences.describe`) about this doll mentions."""
    text = f" {' '.join(words(sentence))} "

    def has(*phrases: str) -> bool:
        return any(f" {' '.join(words(phrase))} " in text for phrase in phrases)

    sleeve, lower = attributes["sleeve"], attributes["lower"]
    below = has(*(_GARMENTS["dress"] if lower == "dress" else _LOWERS[lower]))
    found = {
        "garment": below,
        "sleeve": has(*_SLEEVE_ADJECTIVES[sleeve], *_SLEEVE_PHRASES[sleeve]),
        "upper_color": has(attributes["upper_color"]),
        "lower_color": below and has(attributes["lower_color"]),
    }
    return frozenset(field for field, is_mentioned in found.items() if is_mentioned)


class _View(NamedTuple):
    """An image, or a crop of it, with the body coordinates of its pixels; arrays (rows, columns, ...)."""

    image: Floats
    """RGB, 0..255."""
    background: Floats
    """RGB of the background alone."""
    places: Floats
    """Pixel centres, x and y, 0..1 of the side."""
    hips: Floats
    """Pixel centres in the body coordinates of `Figure.hips`."""
    chest: Floats
    """Pixel centres in the body coordinates of `Figure.chest`."""

    def cut(self, top: float, bottom: float, half: float) -> "_View":
        """Crop to between two heights and within `half` of the axis, in body coordinates."""
        rows = slice(*np.searchsorted(self.hips[:, 0, 1], (top, bottom)))
        columns = slice(*np.searchsorted(self.hips[0, :, 0], (-half, half)))
        return _View(*(array[rows, columns] for array in self))


class _Garments(NamedTuple):
    """Predicted appearance of n garments: `rest` plus `share` times the cloth's colour, which is still unknown."""

    rest: Floats
    """RGB (n, rows, columns, 3): everything except cloth, weighted by its visible share."""
    share: Floats
    """Visible share of cloth, 0..1, (n, rows, columns, 1)."""

    def blurred(self) -> "_Garments":
        """Return a blurred copy."""
        count, rows, columns, _ = self.rest.shape
        both = np.concatenate([self.rest, self.share], axis=-1)
        both = (_blur(rows) @ both.reshape(count, rows, -1)).reshape(count * rows, columns, 4)
        both = (_blur(columns) @ both).reshape(count, rows, columns, 4)
        return _Garments(both[..., :3], both[..., 3:])


def _figure(body: Mapping[str, Any]) -> Figure:
    """Build the body, in placeholder clothes."""
    pose = Pose(**{angle.name: float(body[f"pose_{angle.name}"]) for angle in fields(Pose)})
    height, width, shift = (float(body[name]) for name in ("body_height", "body_width", "shift"))
    return Figure(replace(_DOLL, pose=pose, body_height=height, body_width=width, shift=shift))


def _view(image: NDArray[np.uint8], figure: Figure, body: Mapping[str, Any]) -> _View:
    """Reduce the image to at most `_LARGEST_SIDE` and add the background and the coordinates of this body."""
    side = min(len(image), _LARGEST_SIDE)
    factor = len(image) // side
    reduced = image.reshape(side, factor, side, factor, 3).mean(axis=(1, 3))
    centres = (np.arange(side) + 0.5) / side
    places = np.stack(np.meshgrid(centres, centres), axis=-1)
    gradient, top = body["gradient"], BACKGROUNDS[body["background"]]
    bottom = gradient_end(top, gradient)
    background = np.array(top) + np.subtract(bottom, top) * places[:, :, 1:]
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    frames = []
    for origin, across, down in (figure.hips(corners), figure.chest(corners)):
        frames.append((places - origin) @ np.linalg.inv(np.stack([across - origin, down - origin])))
    return _View(reduced, background, places, *frames)


def _on_torso(view: _View) -> NDArray[np.bool_]:
    """Mask (rows, columns) of pixels that show the top, whatever its neckline and hem."""
    x, y = view.chest[..., 0], view.chest[..., 1]
    inside: NDArray[np.bool_] = (abs(x) < 0.058) & (y > 0.25) & (y < 0.405)
    return inside


def _tones(colours: Floats) -> Floats:
    """Mean colours (3, 3) of the dark, middle and light thirds of colours (n, 3).

    Patterns mix a second colour into the first; three tones tell a grey cloth from a black one with white stripes.
    """
    order = np.argsort(colours @ (0.299, 0.587, 0.114), kind="stable")
    # Repeat each colour three times, so that the thirds are equal and never empty.
    tones: Floats = np.repeat(colours[order], 3, axis=0).reshape(3, -1, 3).mean(axis=1)
    return tones


@cache
def _swatches(side: int) -> Floats:
    """Tones of all fabrics in images of this side: (shades, patterns, colours, 3, 3)."""
    whole = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])

    def tones(fabric: Fabric) -> Floats:
        canvas = Canvas(side, fabric.colour, fabric.colour)
        canvas.fill(whole, Paint(fabric, Part.UPPER), edge=False)
        return _tones(canvas.reduced()[0][:-1, :-1].reshape(-1, 3).astype(np.float64))

    plain = np.array([[tones(Fabric(rgb, pattern)) for rgb in COLORS.values()] for pattern in get_args(Pattern)])
    return np.stack([plain + (_INK - plain) * shade for shade in _SHADES])


def _name_costs(tones: Floats, side: int) -> Floats:
    """Cost of explaining tones (n, 3, 3) by each fabric: squared RGB distances, (n, patterns, colours)."""
    apart = tones[:, None, None, None] - _swatches(side)
    mean = apart.mean(axis=-2)
    square = (apart**2).sum(axis=-1).mean(axis=-1)
    costs: Floats = (_SPREAD * square + (1 - _SPREAD) * (mean**2).sum(axis=-1)).min(axis=1)
    return costs


def _near(limb: Limb, view: _View) -> tuple[Floats, NDArray[np.intp]]:
    """Distance of each pixel to the limb's centre line, and the index of the nearest point on it; (rows, columns)."""
    x, y = (view.places[..., None, axis] - limb[:, axis] for axis in (0, 1))
    squares = x**2 + y**2
    return np.sqrt(squares.min(axis=-1)), squares.argmin(axis=-1)


def _cover(depth: Floats, side: int) -> tuple[Floats, Floats]:
    """Return each pixel's coverage by a shape, and the part of it that is outline ink.

    `depth` is the distance of the pixel's centre inside the shape, as a fraction of the image's side; negative outside.
    """
    whole = (0.5 + (depth + _EDGE_WIDTH / 2) * side).clip(0, 1)
    within = (0.5 + (depth - _EDGE_WIDTH / 2) * side).clip(0, 1)
    return whole, _EDGE_DARKNESS * (whole - within)


def _over(below: Floats, colour: Floats, depth: Floats, side: int) -> Floats:
    """Paint a shape of this colour over the image."""
    whole, ink = (part[..., None] for part in _cover(depth, side))
    painted: Floats = below * (1 - whole) + colour * (whole - ink) + _INK * ink
    return painted


def _dressed(bare: Floats, depths: Floats, side: int) -> _Garments:
    """Overlay n garments on an image; `depths` (n, parts, rows, columns) are those of each garment's parts."""
    whole, ink = (share.max(axis=1)[..., None] for share in _cover(depths, side))
    return _Garments(bare * (1 - whole) + _INK * ink, whole - ink)


@cache
def _blur(count: int) -> Floats:
    """Blur matrix (count, count) for a row of pixels: mixes each with two neighbours on either side."""
    steps = np.arange(count)
    kernel = np.zeros((count, count))
    for reach, weight in ((-1, 0.25), (0, 0.5), (1, 0.25)):
        np.add.at(kernel, (steps, (steps + reach).clip(0, count - 1)), weight)
    blur: Floats = kernel @ kernel
    return blur


def _misfits(image: Floats, seen: _Garments, tones: Floats, weights: Floats) -> Floats:
    """Error of each garment (n): weighted sum over pixels, each with the best-fitting of the tones (n, 3, 3)."""
    count = len(seen.rest)
    apart = (image - seen.rest).reshape(count, -1, 3)
    share = seen.share.reshape(count, 1, -1)
    along = tones @ apart.transpose(0, 2, 1)
    length = (tones**2).sum(axis=-1, keepdims=True)
    squares = np.einsum("npc,npc->np", apart, apart) + (share * (share * length - 2 * along)).min(axis=1)
    misfits: Floats = np.minimum(squares, _CLIP) @ weights.ravel()
    return misfits


def _best_fit(image: Floats, garments: _Garments, offsets: Floats) -> tuple[int, Floats]:
    """Find the garment that fits the image best, sharp or blurred, and its tones (3, 3).

    Each garment gets its best-fitting colour; `offsets` (3, 3) are the cloth's tones minus their mean.
    """
    misfits, tones = [], []
    for seen in (garments, garments.blurred()):
        total = (seen.share**2).sum(axis=(1, 2)) + 1e-9
        colours = ((image - seen.rest) * seen.share).sum(axis=(1, 2)) / total
        tones.append(colours.clip(0, 255)[:, None] + offsets)
        misfits.append(_misfits(image, seen, tones[-1], np.ones(image.shape[:2])))
    focus, best = np.unravel_index(np.argmin(misfits), (2, len(garments.rest)))
    return int(best), tones[focus][best]


def _leg_depths(widths: Floats, legs: list[tuple[Floats, NDArray[np.intp]]]) -> Floats:
    """Depths (n, 2, rows, columns) inside legs, bare or clothed, of these half-widths (n, places)."""
    return np.stack([widths[:, place] - apart for apart, place in legs], axis=1)


def _trouser_widths(radii: Floats) -> Floats:
    """Half-widths of the trouser legs in `_CUTS`, along a leg of these radii; -1 past the hem."""
    ease, end = (np.array(measure)[:, None] for measure in zip(*_CUTS, strict=True))
    ramp = np.arange(len(radii)) / end
    width = radii + 0.003 + (ease - 0.003) * ramp
    first, last = width[:, :1], np.take_along_axis(width, end, axis=1)
    return np.where(ramp <= 1, np.maximum(width, 0.85 * (first + (last - first) * ramp)), -1.0)


def _skirt_depths(view: _View, figure: Figure) -> Floats:
    """Depths (n, 1, rows, columns) inside skirts of several lengths and flares."""
    x, y = abs(view.hips[..., 0]), view.hips[..., 1]
    bottom, flare = (measure.reshape(-1, 1, 1) for measure in np.meshgrid(_SKIRT_BOTTOMS, _SKIRT_FLARES))
    around_legs = np.tile([figure.stride(height) + 0.036 for height in _SKIRT_BOTTOMS], len(_SKIRT_FLARES))
    hem = np.maximum(0.088 + 0.1 * flare, around_legs[:, None, None])
    half = 0.0925 + (hem - 0.0925) * (y - 0.53) / (bottom - 0.53)
    depths: Floats = figure.doll.body_height * np.minimum(half - x, bottom + 0.01 - y)[:, None]
    return depths


def _read_lower(view: _View, figure: Figure, skin: Floats) -> tuple[str, Floats]:
    """Recognise the kind of lower garment (a dress counts as "skirt") and its tones."""
    side = len(view.image)
    view = view.cut(0.53, 0.93, 0.25)
    radii = figure.legs[1][:, 2]
    legs = [_near(leg, view) for leg in figure.legs.values()]
    bare = view.background
    for depth in _leg_depths(radii[None], legs)[0]:
        bare = _over(bare, skin, depth, side)
    cut, skirts = _leg_depths(_trouser_widths(radii), legs), _skirt_depths(view, figure)
    depths = np.concatenate([cut, np.broadcast_to(skirts, (len(skirts), *cut.shape[1:]))])
    garments = _dressed(bare, depths, side)
    thighs = (_leg_depths(0.7 * radii[None], legs)[0].max(axis=0) > 0) & (view.hips[..., 1] < 0.58)
    tones = _tones(view.image[thighs])
    best, fitting = _best_fit(view.image, garments, tones - tones.mean(axis=0))
    tones = _tones(view.image[thighs | (garments.share[best, ..., 0] > 0.95)])
    kind = "skirt" if best >= len(_CUTS) else "trousers" if _CUTS[best][1] == ANKLE else "shorts"
    return kind, tones - tones.mean(axis=0) + fitting.mean(axis=0)


def _read_sleeve(view: _View, figure: Figure, skin: Floats, upper: Floats, lower: Floats) -> str:
    """Find the sleeve for which both arms fit the image best, given the tones of the clothes behind them."""
    side = len(view.image)
    view = view.cut(-1.0, 0.6, 1.0)
    x, y = abs(view.chest[..., 0]), view.chest[..., 1]
    cloth = np.where(y[..., None] < 0.45, upper[1], lower[1])
    torso = np.interp(y, _TORSO_HEIGHTS, _TORSO_HALVES) - x
    bare = _over(view.background, cloth, figure.doll.body_height * torso, side)
    ends = np.array([_SLEEVE_ENDS.get(sleeve, -1) for sleeve in get_args(Sleeve)])[:, None, None]
    depths, weights = [], np.zeros(x.shape)
    for arm in (limb[: WRIST + 3] for limb in figure.arms.values()):
        apart, place = _near(arm, view)
        depth = arm[place, 2] - apart
        bare = _over(bare, skin, depth, side)
        weights = np.maximum(weights, (0.5 + depth * side).clip(0, 1))
        depths.append(np.where(place <= ends, depth + _SLEEVE_EASE, -1.0))
    # Pixels at the very edge of an arm are mostly something else.
    weights[weights < 0.3] = 0.0
    garments = _dressed(bare, np.stack(depths, axis=1), side)
    tones = np.broadcast_to(upper, (len(ends), 3, 3))
    misfits = [_misfits(view.image, seen, tones, weights) for seen in (garments, garments.blurred())]
    return str(get_args(Sleeve)[int(np.min(misfits, axis=0).argmin())])


def read_outfit(image: NDArray[np.uint8], body: Mapping[str, Any]) -> Outfit:
    """Recognise the outfit in the image; always returns the closest match.

    Args:
        image: RGB values 0..255, (resolution, resolution, 3), of resolution 32, 64 or 128.
        body: attributes of the doll whose pose, build, skin and background the image keeps. Its outfit
            is ignored.
    """
    figure, skin = _figure(body), np.array(SKINS[body["skin"]], dtype=np.float64)
    view = _view(image, figure, body)
    upper = _tones(view.image[_on_torso(view)])
    kind, lower = _read_lower(view, figure, skin)
    sleeve = _read_sleeve(view, figure, skin, upper, lower)
    upper_costs, lower_costs = _name_costs(np.stack([upper, lower]), len(view.image))
    # Lower garments are plain, except dresses.
    above, below = upper_costs.min(axis=0), lower_costs[0]
    names: list[str] = list(COLORS)
    if kind == "skirt":
        one_piece = (upper_costs + lower_costs).min(axis=0)
        two_pieces = above[:, None] + below + _TWO_OF_A_COLOUR * np.eye(len(names))
        if one_piece.min() < two_pieces.min():
            name = names[int(one_piece.argmin())]
            return Outfit("dress", sleeve, name, name)
    return Outfit(kind, sleeve, names[int(above.argmin())], names[int(below.argmin())])
