"""Hair, in head coordinates: behind the shoulders, around the face, and over the shoulders."""

from collections.abc import Iterable

import numpy as np

from espalier.data.dolls.canvas import Canvas, Paint, Part, paint
from espalier.data.dolls.colours import HAIRS, darker, lighter
from espalier.data.dolls.curves import Points, ellipse, outline, ribbon, smooth
from espalier.data.dolls.figure import Figure

_BUN = ellipse(0.0, -1.28, 0.42, 0.36)
_BALD_SHINE = ellipse(-0.25, -0.72, 0.2, 0.1)
_SHINE = smooth(np.array([(-0.62, -0.62), (-0.4, -0.9), (-0.08, -1.0), (-0.38, -0.82)]), closed=True)
_CROWN = [(-0.95, -0.45), (-0.62, -1.0), (0.0, -1.2), (0.62, -1.0), (0.95, -0.45)]
_CURLY_CROWN = smooth(np.array([(-0.92, 0.1), *_CROWN, (0.92, 0.1)]) * (1, 0.97))[::4]


def _draw_curls(canvas: Canvas, figure: Figure, hair: Paint, centres: Iterable[Points], size: float) -> None:
    for x, y in centres:
        canvas.fill(figure.head(ellipse(float(x), float(y), size, size)), hair)


def draw_back_hair(canvas: Canvas, figure: Figure) -> None:
    """Draw the hair behind the shoulders; none if bald or short."""
    doll = figure.doll
    if doll.hair_length in ("bald", "short"):
        return
    hair = paint(darker(HAIRS[doll.hair_color], 0.22), Part.HAIR)
    if doll.hair_style == "tied":
        _draw_tied(canvas, figure, hair)
        return
    fall = 0.85 + 0.45 * doll.hair_fall if doll.hair_length == "medium" else 2.0 + 1.1 * doll.hair_fall
    wide = 1.02 + 0.06 * fall
    side = [(0.98, -0.2), (wide, fall * 0.6), (wide * 0.98, fall), (wide * 0.6, fall + 0.14)]
    if doll.hair_style == "curly":
        path = smooth(np.array(side))[::5] * (1.04, 1)
        _draw_curls(canvas, figure, hair, np.concatenate([path, path * (-1, 1)]), 0.27)
    half = [(0.0, -1.1), (0.7, -0.9), *side, (0.0, fall + 0.1)]
    canvas.fill(figure.head(outline(half)), hair, edge=doll.hair_style != "curly")


def _draw_tied(canvas: Canvas, figure: Figure, hair: Paint) -> None:
    """Draw a bun for medium hair, two bunches for long hair."""
    if figure.doll.hair_length == "medium":
        canvas.fill(figure.head(_BUN), hair)
        return
    fall = 1.3 + 0.9 * figure.doll.hair_fall
    bunch = smooth(np.array([(0.8, 0.1, 0.16), (1.2, 0.3, 0.3), (1.3, fall * 0.65, 0.3), (1.15, fall, 0.06)]))
    for sign in (-1, 1):
        canvas.fill(figure.head(ribbon(bunch * (sign, 1, 1))), hair)


def draw_front_hair(canvas: Canvas, figure: Figure) -> None:
    """Draw the hair around the face and the locks over the shoulders."""
    doll = figure.doll
    if doll.hair_length == "bald":
        canvas.glaze(figure.head(_BALD_SHINE), (255, 255, 255), 0.3)
        return
    hair = paint(HAIRS[doll.hair_color], Part.HAIR)
    curly = doll.hair_style == "curly"
    if curly:
        _draw_curls(canvas, figure, hair, _CURLY_CROWN, 0.24)
    loose = doll.hair_length != "short" and doll.hair_style != "tied"
    if loose:
        _draw_locks(canvas, figure, hair)
    part, ear = 0.42 * doll.parting, 0.35 if loose else 0.05
    right = [(0.76, ear), (0.74, -0.2), ((0.74 + part) / 2 + 0.08, -0.42), (part, -0.78)]
    left = [(part, -0.78), ((part - 0.74) / 2 - 0.08, -0.42), (-0.74, -0.2), (-0.76, ear)]
    cap = np.array([(-0.88, ear), *_CROWN, (0.88, ear), *right, *left])
    canvas.fill(figure.head(smooth(cap, closed=True)), hair, edge=not curly)
    canvas.glaze(figure.head(_SHINE), lighter(hair.colour, 0.5), 0.4)


def _draw_locks(canvas: Canvas, figure: Figure, hair: Paint) -> None:
    doll = figure.doll
    medium = doll.hair_length == "medium"
    fall = 0.7 + 0.45 * doll.hair_fall if medium else 1.9 + 1.0 * doll.hair_fall
    lock = smooth(np.array([(0.8, -0.3, 0.14), (0.88, 0.3, 0.18), (0.94, fall * 0.7, 0.21), (0.86, fall, 0.05)]))
    for sign in (-1, 1):
        if doll.hair_style == "curly":
            centres = lock[2 :: 4 if medium else 3, :2] * (sign, 1)
            _draw_curls(canvas, figure, hair, centres, 0.23)
        else:
            canvas.fill(figure.head(ribbon(lock * (sign, 1, 1))), hair)
