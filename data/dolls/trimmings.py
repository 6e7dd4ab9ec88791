"""Details that distinguish shirts, blouses and sweaters: collar, buttons, bow, ribbed hem."""

import numpy as np

from espalier.data.dolls.canvas import Canvas, Paint, paint
from espalier.data.dolls.colours import darker, lighter
from espalier.data.dolls.curves import ellipse, outline
from espalier.data.dolls.figure import Figure
from espalier.data.dolls.tops import hem, top_paint

_COLLAR = np.array([(0.026, 0.17), (0.044, 0.187), (0.038, 0.222), (0.002, 0.24), (0.03, 0.19), (0.026, 0.17)])
_BOW = np.array([(0.0, 0.246), (0.012, 0.234), (0.036, 0.23), (0.036, 0.262), (0.012, 0.256), (0.0, 0.246)])
_ROLL = outline([(0.026, 0.176), (0.034, 0.179), (0.039, 0.194), (0.026, 0.208), (0.0, 0.212)])
_RIBS = np.linspace(-0.9, 0.9, 11)


def draw_trimmings(canvas: Canvas, figure: Figure) -> None:
    """Draw the trimmings of the doll's top; t-shirts, tank tops and dresses have none."""
    whole = top_paint(figure.doll)
    plain = paint(whole.colour, whole.part)
    if figure.doll.garment == "shirt":
        _draw_shirt_front(canvas, figure, plain)
    elif figure.doll.garment == "blouse":
        for sign in (-1, 1):
            canvas.fill(figure.chest(_BOW * (sign, 1)), plain)
        canvas.fill(figure.chest(ellipse(0, 0.246, 0.007, 0.008)), plain)
    elif figure.doll.garment == "sweater":
        canvas.fill(figure.chest(_ROLL), plain)
        _draw_ribbed_hem(canvas, figure, plain)


def _draw_shirt_front(canvas: Canvas, figure: Figure, cloth: Paint) -> None:
    dark = darker(cloth.colour, 0.4)
    bottom = hem(figure.doll)[-1][1]
    canvas.line(figure.chest(np.array([(0.0, 0.244), (0.0, bottom)])), dark, 0.004)
    for y in np.arange(0.262, bottom - 0.01, 0.04):
        canvas.glaze(figure.chest(ellipse(0.01, y, 0.0045, 0.0045)), lighter(dark, 0.75), 0.9)
    pale = paint(lighter(cloth.colour, 0.12), cloth.part)
    for sign in (-1, 1):
        canvas.fill(figure.chest(_COLLAR * (sign, 1)), pale)


def _draw_ribbed_hem(canvas: Canvas, figure: Figure, cloth: Paint) -> None:
    width, bottom = hem(figure.doll)[-1]
    top = bottom - 0.022
    strip = np.array([(-width, top), (width, top), (width, bottom), (-width, bottom), (-width, top)])
    canvas.fill(figure.chest(strip), cloth)
    for x in _RIBS * width:
        rib = np.array([(x, top + 0.003), (x, bottom - 0.004)])
        canvas.line(figure.chest(rib), darker(cloth.colour, 0.35), 0.003)
