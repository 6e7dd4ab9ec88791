"""Hats, in head coordinates."""

from collections.abc import Callable

import numpy as np

from espalier.data.dolls.canvas import Canvas, Paint, Part, paint
from espalier.data.dolls.colours import COLORS, darker, lighter
from espalier.data.dolls.curves import Points, ellipse, outline, smooth, turned
from espalier.data.dolls.figure import Figure
from espalier.data.dolls.outfit import Hat

_DOME = outline([(0.0, -1.34), (0.5, -1.24), (0.9, -0.86), (0.98, -0.4), (0.5, -0.36), (0.0, -0.36)])


def _shape(points: list[tuple[float, float]]) -> Points:
    return smooth(np.array(points), closed=True)


def _draw_cap(canvas: Canvas, figure: Figure, cloth: Paint) -> None:
    canvas.fill(figure.head(_DOME), cloth)
    for sign in (-1, 1):
        seam = smooth(np.array([(0.0, -1.33), (0.4, -1.0), (0.5, -0.5)])) * (sign, 1)
        canvas.line(figure.head(seam), darker(cloth.colour, 0.3), 0.0035)
    canvas.fill(figure.head(ellipse(0, -1.36, 0.1, 0.06)), cloth)
    visor = outline([(0.0, -0.62), (0.55, -0.56), (0.9, -0.36), (0.94, -0.2), (0.5, -0.24), (0.0, -0.26)])
    canvas.fill(figure.head(visor), paint(darker(cloth.colour, 0.16), Part.HAIR))


def _draw_beanie(canvas: Canvas, figure: Figure, cloth: Paint) -> None:
    canvas.fill(figure.head(ellipse(0, -1.44, 0.24, 0.22)), paint(lighter(cloth.colour, 0.3), Part.HAIR))
    canvas.fill(figure.head(_DOME), cloth)
    band = outline([(0.5, -0.72), (0.98, -0.66), (1.02, -0.5), (0.98, -0.3), (0.5, -0.36)])
    canvas.fill(figure.head(band), paint(darker(cloth.colour, 0.13), Part.HAIR))
    for x in np.linspace(-0.8, 0.8, 9):
        rib = np.array([(x, -0.66 - 0.05 * (1 - x * x)), (x, -0.38)])
        canvas.line(figure.head(rib), darker(cloth.colour, 0.35), 0.003)


def _draw_sun_hat(canvas: Canvas, figure: Figure, cloth: Paint) -> None:
    canvas.fill(figure.head(outline([(0.0, -1.3), (0.5, -1.24), (0.8, -0.9), (0.86, -0.5), (0.0, -0.4)])), cloth)
    ribbon = outline([(0.4, -0.78), (0.83, -0.74), (0.88, -0.5), (0.4, -0.46)])
    canvas.fill(figure.head(ribbon), paint(darker(cloth.colour, 0.45), Part.HAIR))
    brim = _shape(
        [
            (0.0, -0.62),
            (0.9, -0.6),
            (1.6, -0.34),
            (1.5, -0.2),
            (0.8, -0.34),
            (0.0, -0.38),
            (-0.8, -0.34),
            (-1.5, -0.2),
            (-1.6, -0.34),
            (-0.9, -0.6),
        ]
    )
    canvas.fill(figure.head(brim), paint(lighter(cloth.colour, 0.1), Part.HAIR))


def _draw_beret(canvas: Canvas, figure: Figure, cloth: Paint) -> None:
    slope = 1 if figure.doll.parting > 0 else -1
    canvas.line(figure.head(np.array([(slope * 0.2, -1.3), (slope * 0.26, -1.5)])), darker(cloth.colour, 0.3), 0.008)
    crown = turned(ellipse(slope * 0.14, -0.92, 1.12, 0.44), slope * 0.14)
    canvas.fill(figure.head(crown), cloth)
    band = outline([(0.4, -0.68), (0.86, -0.6), (0.9, -0.46), (0.4, -0.52)])
    canvas.fill(figure.head(band), paint(darker(cloth.colour, 0.3), Part.HAIR))


def _draw_bowler(canvas: Canvas, figure: Figure, cloth: Paint) -> None:
    canvas.fill(figure.head(outline([(0.0, -1.42), (0.5, -1.36), (0.8, -1.0), (0.82, -0.5), (0.0, -0.45)])), cloth)
    ribbon = outline([(0.4, -0.82), (0.81, -0.8), (0.82, -0.55), (0.4, -0.52)])
    canvas.fill(figure.head(ribbon), paint(darker(cloth.colour, 0.5), Part.HAIR))
    brim = _shape(
        [
            (0.0, -0.6),
            (0.8, -0.6),
            (1.2, -0.7),
            (1.24, -0.58),
            (0.8, -0.4),
            (0.0, -0.36),
            (-0.8, -0.4),
            (-1.24, -0.58),
            (-1.2, -0.7),
            (-0.8, -0.6),
        ]
    )
    canvas.fill(figure.head(brim), cloth)


_HATS: dict[Hat, Callable[[Canvas, Figure, Paint], None]] = {
    "cap": _draw_cap,
    "beanie": _draw_beanie,
    "sun hat": _draw_sun_hat,
    "beret": _draw_beret,
    "bowler": _draw_bowler,
}


def draw_hat(canvas: Canvas, figure: Figure) -> None:
    """Draw the doll's hat, if any."""
    if figure.doll.hat == "none":
        return
    cloth = paint(COLORS[figure.doll.hat_color], Part.HAIR)
    _HATS[figure.doll.hat](canvas, figure, cloth)
    gloss = smooth(np.array([(-0.5, -0.78), (-0.42, -1.08), (-0.12, -1.2), (-0.3, -1.0)]), closed=True)
    canvas.glaze(figure.head(gloss), (255, 255, 255), 0.22)
