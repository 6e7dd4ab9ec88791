"""Lower clothes: trousers, jeans, shorts, skirts, and the skirt of a dress."""

import numpy as np

from espalier.data.dolls.canvas import Canvas, Paint, Part, paint
from espalier.data.dolls.colours import COLORS, darker, lighter
from espalier.data.dolls.curves import STEPS, Points, band, mirrored, ribbon, smooth, widened
from espalier.data.dolls.figure import ANKLE, Figure
from espalier.data.dolls.outfit import Doll
from espalier.data.dolls.tops import hem, top_paint

_SHADE = 0.17
_POCKET = smooth(np.array([(0.05, 0.455), (0.06, 0.478), (0.086, 0.488)]))
_STRIP_END = np.array([(0.059, 0.529)])
_FLY = np.array([(0.0, 0.43), (0.0, 0.556)])
_WAVES = np.linspace(1, -1, 25)


def draw_lower(canvas: Canvas, figure: Figure) -> None:
    """Draw the doll's lower garment."""
    if figure.doll.lower in ("skirt", "dress"):
        _draw_skirt(canvas, figure)
    else:
        _draw_trousers(canvas, figure)


def _draw_trousers(canvas: Canvas, figure: Figure) -> None:
    doll = figure.doll
    cloth = paint(COLORS[doll.lower_color], Part.LOWER)
    short = doll.lower == "shorts"
    end = STEPS - 1 + round(6 * doll.lower_length) if short else ANKLE
    loose = 0.009 + 0.008 * doll.fit if short else 0.004 + 0.014 * doll.fit
    ink = darker(cloth.colour, 0.7)
    for leg in figure.legs.values():
        trouser = widened(leg[: end + 1], 0.003, loose)
        # Loose cloth hangs straight and hides the calf.
        trouser[:, 2] = np.maximum(trouser[:, 2], 0.85 * np.linspace(trouser[0, 2], trouser[-1, 2], end + 1))
        canvas.fill(ribbon(trouser), cloth)
        canvas.glaze(band(trouser, 0.25, 1.0), ink, _SHADE)
        if doll.lower == "jeans":
            canvas.fill(ribbon(trouser[-3:]), paint(lighter(cloth.colour, 0.3), Part.LOWER))
        elif not short:
            canvas.glaze(band(trouser[STEPS:-1], -0.16, -0.04), ink, 0.28)
    _draw_hips(canvas, figure, cloth)


def _tucked(doll: Doll) -> list[tuple[float, float]]:
    """First points of the right side, tucked under the hem of the top so that nothing shows beside it."""
    width, bottom = hem(doll)[-1]
    return [(width - 0.004, bottom - 0.02), ((width + 0.0925) / 2, bottom + 0.018)]


def _draw_hips(canvas: Canvas, figure: Figure, cloth: Paint) -> None:
    dark = darker(cloth.colour, 0.42)
    right = smooth(np.array([*_tucked(figure.doll), (0.0925, 0.515), (0.05, 0.532), (0.0, 0.55)]))
    canvas.fill(figure.hips(mirrored(right)), cloth, edge=False)
    outer = right[: 2 * STEPS]
    for sign in (-1, 1):
        canvas.line(figure.hips(outer * (sign, 1)), dark, 0.0042)
    # The strip continues the leg's shading.
    strip = np.concatenate([outer, _STRIP_END, outer[::-1] * (0.64, 1)])
    canvas.glaze(figure.hips(strip), darker(cloth.colour, 0.7), _SHADE)
    canvas.line(figure.hips(_FLY), dark, 0.004)
    seam = lighter(cloth.colour, 0.35) if figure.doll.lower == "jeans" else dark
    for sign in (-1, 1):
        canvas.line(figure.hips(_POCKET * (sign, 1)), seam, 0.0035)


def _skirt_half(figure: Figure) -> Points:
    """The right side of the skirt from waist to hem, in body coordinates."""
    doll = figure.doll
    length = doll.lower_length + (0.35 if doll.lower == "dress" else 0)
    bottom = 0.65 + 0.17 * length
    flared = 0.088 + 0.1 * doll.fit * (0.75 + 0.4 * length)
    # Even a narrow hem must enclose both legs.
    hem_width = max(flared, figure.stride(bottom) + 0.036)
    return smooth(np.array([*_tucked(doll), ((0.092 + hem_width) / 2, 0.56), (hem_width, bottom)]))


def _draw_skirt(canvas: Canvas, figure: Figure) -> None:
    doll = figure.doll
    cloth = top_paint(doll) if doll.lower == "dress" else paint(COLORS[doll.lower_color], Part.LOWER)
    right = _skirt_half(figure)
    width, bottom = right[-1]
    drop = 0.014 * (1 - _WAVES**2) + 0.004 * np.cos(_WAVES * np.pi * 4) * doll.fit
    edge = np.stack([_WAVES * width, bottom + drop], axis=1)
    canvas.fill(figure.hips(np.concatenate([right, edge, right[::-1] * (-1, 1), right[:1]])), cloth)
    ink = darker(cloth.colour, 0.7)
    canvas.glaze(figure.hips(np.concatenate([right, right[::-1] * (0.6, 1)])), ink, _SHADE)
    top = right[STEPS] + (0, 0.02)
    low = right[-1] + (0, 0.012)
    for place in (-0.55, -0.15, 0.25):
        fold = np.stack([top * (place, 1), low * (place - 0.05, 1), low * (place + 0.06, 1)])
        canvas.glaze(figure.hips(fold), ink, _SHADE)
