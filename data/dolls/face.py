"""The head: face and sunglasses."""

import numpy as np

from espalier.data.dolls.canvas import Canvas, Part, paint
from espalier.data.dolls.colours import HAIRS, SKINS, Rgb, darker, mix
from espalier.data.dolls.curves import ellipse, outline, smooth
from espalier.data.dolls.figure import Figure

_FACES = {
    "woman": outline([(0.0, -1.0), (0.5, -0.9), (0.76, -0.4), (0.77, 0.1), (0.62, 0.58), (0.26, 0.94), (0.0, 1.0)]),
    "man": outline([(0.0, -1.0), (0.5, -0.9), (0.77, -0.4), (0.78, 0.12), (0.69, 0.58), (0.36, 0.94), (0.0, 1.0)]),
}
_BROW = smooth(np.array([(0.18, -0.19), (0.34, -0.25), (0.5, -0.18)]))
_LASH = np.array([(0.4, 0.02), (0.5, -0.05)])
_NOSE = smooth(np.array([(-0.05, 0.34), (0.02, 0.38), (0.07, 0.33)]))
_EYES: Rgb = (44, 32, 40)
_LENSES: Rgb = (34, 34, 44)


def draw_face(canvas: Canvas, figure: Figure) -> None:
    """Draw head, ears and facial features."""
    doll = figure.doll
    skin = SKINS[doll.skin]
    for sign in (-1, 1):
        canvas.fill(figure.head(ellipse(sign * 0.78, 0.1, 0.13, 0.19)), paint(skin, Part.FACE))
    canvas.fill(figure.head(_FACES[doll.person]), paint(skin, Part.FACE))
    _draw_features(canvas, figure, skin)
    if doll.sunglasses:
        _draw_sunglasses(canvas, figure)


def _draw_features(canvas: Canvas, figure: Figure, skin: Rgb) -> None:
    doll = figure.doll
    lips = mix(skin, (190, 40, 60), 0.75 if doll.person == "woman" else 0.4)
    brow = darker(HAIRS[doll.hair_color], 0.25)
    for sign in (-1, 1):
        canvas.glaze(figure.head(ellipse(sign * 0.47, 0.36, 0.17, 0.12)), (232, 82, 88), 0.26)
        canvas.glaze(figure.head(ellipse(sign * 0.34, 0.08, 0.145, 0.165)), (255, 253, 250), 0.9)
        canvas.glaze(figure.head(ellipse(sign * 0.33, 0.085, 0.1, 0.145)), _EYES, 1.0)
        canvas.glaze(figure.head(ellipse(sign * 0.33 + 0.035, 0.02, 0.035, 0.045)), (255, 255, 255), 0.95)
        canvas.line(figure.head(_BROW * (sign, 1)), brow, 0.005)
        if doll.person == "woman":
            canvas.line(figure.head(_LASH * (sign, 1)), _EYES, 0.0045)
    canvas.line(figure.head(_NOSE), darker(skin, 0.3), 0.0045)
    curve = 0.06 + 0.1 * doll.smile
    wide = 0.17 + 0.08 * doll.smile
    mouth = smooth(np.array([(-wide, 0.58), (0.0, 0.58 + curve), (wide, 0.58)]))
    if doll.smile > 0.6:
        canvas.glaze(figure.head(mouth), (255, 250, 246), 1.0)
    canvas.line(figure.head(mouth), lips, 0.0065)


def _draw_sunglasses(canvas: Canvas, figure: Figure) -> None:
    frame = paint(_LENSES, Part.FACE)
    canvas.line(figure.head(np.array([(-0.8, 0.0), (0.8, 0.0)])), _LENSES, 0.008)
    for sign in (-1, 1):
        half = np.array([(0.07, -0.1), (0.6, -0.12), (0.66, 0.02), (0.54, 0.27), (0.26, 0.29), (0.1, 0.12)])
        canvas.fill(figure.head(smooth(half * (sign, 1), closed=True)), frame)
        glint = np.array([(0.2, -0.04), (0.32, -0.05), (0.2, 0.14)]) + (0 if sign > 0 else -0.72, 0)
        canvas.glaze(figure.head(glint), (255, 255, 255), 0.35)
