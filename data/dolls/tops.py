"""Upper clothes: the torso of a top or dress, its neckline and the sleeves."""

import numpy as np

from espalier.data.dolls.canvas import Canvas, Paint, Part, paint
from espalier.data.dolls.colours import COLORS, SKINS, darker
from espalier.data.dolls.curves import (
    STEPS,
    Points,
    band,
    direction,
    ellipse,
    mirrored,
    ribbon,
    smooth,
    widened,
)
from espalier.data.dolls.figure import WRIST, Figure, Side
from espalier.data.dolls.outfit import WAISTS, Doll, Garment, Sleeve
from espalier.data.dolls.patterns import Fabric

_SLEEVE_ENDS: dict[Sleeve, int] = {"short": STEPS - 3, "elbow": STEPS + 1, "long": WRIST + 1}

_SHOULDERS = [(0.032, 0.186), (0.034, 0.188), (0.074, 0.2), (0.1, 0.217), (0.104, 0.245), (0.093, 0.29)]
_STRAPS = [
    (0.036, 0.187),
    (0.038, 0.187),
    (0.072, 0.198),
    (0.074, 0.2),
    (0.072, 0.235),
    (0.08, 0.268),
    (0.09, 0.3),
]
_THIN_STRAPS = [(0.044, 0.189), (0.046, 0.189), (0.066, 0.195), (0.067, 0.196), (0.067, 0.235), (0.08, 0.268)]

_ROUND = smooth(np.array([(0.035, 0.178), (0.035, 0.188), (0.026, 0.208), (0.0, 0.216)]))
_SCOOP = smooth(np.array([(0.046, 0.178), (0.046, 0.188), (0.036, 0.226), (0.0, 0.243)]))
_VEE = smooth(np.array([(0.036, 0.178), (0.036, 0.187), (0.018, 0.216), (0.0, 0.246)]))
_NECKLINES: dict[Garment, Points] = {
    "t-shirt": _ROUND,
    "shirt": _VEE,
    "blouse": _VEE,
    "sweater": _ROUND * (0.92, 1) - (0, 0.008),
    "tank top": _SCOOP,
    "dress": _SCOOP,
}


def top_paint(doll: Doll) -> Paint:
    """The paint of the upper garment; a dress belongs entirely to the lower clothes' class."""
    part = Part.LOWER if doll.garment == "dress" else Part.UPPER
    return Paint(Fabric(COLORS[doll.upper_color], doll.pattern), part)


def hem(doll: Doll) -> list[tuple[float, float]]:
    """The garment's right side from the waist down to its hem, in body coordinates."""
    waist = WAISTS[doll.person] + 0.006 * doll.fit + (0.007 if doll.garment == "sweater" else 0)
    if doll.garment == "dress" or (doll.garment in ("blouse", "tank top") and doll.lower == "skirt"):
        bottom = 0.41 if doll.garment == "dress" else 0.42
        return [(waist, 0.385), (waist + 0.005, bottom), (waist + 0.005, bottom)]
    bottom = 0.44 + 0.05 * doll.upper_length
    hip = waist + 0.008 if doll.garment == "sweater" else max(waist, 0.085 + 0.004 * doll.fit)
    return [(waist, 0.385), (hip, bottom - 0.012), (hip + 0.001, bottom), (hip + 0.001, bottom)]


def draw_torso(canvas: Canvas, figure: Figure) -> None:
    """Draw the garment's body, shading and neckline."""
    doll, cloth = figure.doll, top_paint(figure.doll)
    bare = _THIN_STRAPS if doll.garment in ("tank top", "dress") else _STRAPS
    half = (bare if doll.sleeve == "none" else _SHOULDERS) + hem(doll)
    right = smooth(np.array(half))
    canvas.fill(figure.chest(mirrored(right)), cloth, turn=doll.pose.lean)
    ink = darker(cloth.colour, 0.7)
    side = right[len(half) // 2 * STEPS :]
    canvas.glaze(figure.chest(np.concatenate([side, side[::-1] * (0.62, 1)])), ink, 0.16)
    waist = hem(doll)[0][0]
    for x, y, length in ((waist, 0.372, -0.035), (-waist, 0.365, 0.032), (-waist, 0.392, 0.024)):
        fold = smooth(np.array([(x, y), (x + length / 2, y + 0.009), (x + length, y + 0.01)]))
        canvas.glaze(figure.chest(np.concatenate([fold, fold[::-1] + (0, 0.004)])), ink, 0.3)
    neckline = mirrored(_NECKLINES[doll.garment])
    canvas.fill(figure.chest(neckline), paint(SKINS[doll.skin], Part.FACE), edge=False)
    canvas.line(figure.chest(neckline[STEPS : -STEPS - 1]), darker(cloth.colour, 0.35), 0.0045)


def draw_sleeve(canvas: Canvas, figure: Figure, side: Side) -> None:
    """Draw the sleeve on one arm, following its pose; nothing if sleeveless."""
    doll, cloth = figure.doll, top_paint(figure.doll)
    if doll.sleeve == "none":
        return
    ease = 0.005 + 0.005 * doll.fit + (0.003 if doll.garment == "sweater" else 0)
    flare = ease + (0.001 if doll.sleeve == "long" else 0.006)
    sleeve = widened(figure.arms[side][: _SLEEVE_ENDS[doll.sleeve] + 1], ease, flare)
    x, y, radius = sleeve[0]
    canvas.fill(ellipse(x, y, radius, radius), cloth, edge=False, turn=doll.pose.lean)
    canvas.fill(ribbon(sleeve), cloth, turn=direction(sleeve))
    canvas.glaze(band(sleeve, 0.25, 1.0), darker(cloth.colour, 0.7), 0.17)
    canvas.fill(ribbon(sleeve[-2:]), Paint(Fabric(darker(cloth.colour, 0.1)), cloth.part))
