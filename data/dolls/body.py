"""Skin and shoes: shoulders, neck, arms with hands, legs with feet."""

import numpy as np

from espalier.data.dolls.canvas import Canvas, Part, paint
from espalier.data.dolls.colours import COLORS, SKINS, darker, lighter
from espalier.data.dolls.curves import Points, band, ellipse, outline, ribbon, smooth, widened
from espalier.data.dolls.figure import ANKLE, ELBOW, KNEE, WRIST, Figure, Side

_SHADE = 0.15

_TORSO = outline([(0.03, 0.19), (0.072, 0.203), (0.1, 0.222), (0.09, 0.29), (0.07, 0.38), (0.08, 0.5)])
_NECK_SHADOW = ellipse(0.003, 0.165, 0.022, 0.017)
_NECK = outline([(0.023, 0.14), (0.023, 0.18), (0.034, 0.196), (0.026, 0.207), (0.0, 0.212)])
_FOOT = smooth(
    np.array(
        [(0.0195, -0.012), (0.022, 0.006), (0.045, 0.032), (0.042, 0.05), (0.01, 0.053), (-0.022, 0.05)]
        + [(-0.027, 0.022), (-0.0195, -0.012)]
    )
)
_FLAT = smooth(
    np.array(
        [(-0.027, 0.014), (-0.012, 0.033), (0.018, 0.034), (0.031, 0.014), (0.047, 0.036), (0.042, 0.05)]
        + [(0.01, 0.053), (-0.022, 0.05)]
    ),
    closed=True,
)
_SOLE = np.array([(-0.023, 0.049), (0.042, 0.049)])


def draw_legs(canvas: Canvas, figure: Figure) -> None:
    """Draw bare legs; trousers and skirts are drawn over them."""
    skin = SKINS[figure.doll.skin]
    for leg in figure.legs.values():
        canvas.fill(ribbon(leg), paint(skin, Part.LEGS))
        canvas.glaze(band(leg, 0.3, 1.0), darker(skin, 0.6), _SHADE)


def _at_ankle(figure: Figure, side: Side, shape: Points) -> Points:
    size = figure.doll.body_height
    return shape * (side * size, size) + figure.legs[side][ANKLE, :2]


def draw_shoes(canvas: Canvas, figure: Figure) -> None:
    """Draw sneakers with a pale sole, boots up the shin, or flats that show the foot."""
    doll = figure.doll
    shoe = paint(COLORS[doll.shoe_color], Part.LEGS)
    for side, leg in figure.legs.items():
        # Skip boot shafts under trousers: they would show at narrow hems.
        if doll.shoes == "boots" and doll.lower not in ("trousers", "jeans"):
            canvas.fill(ribbon(widened(leg[KNEE + 5 :], 0.008, 0.003)), shoe)
        foot = paint(SKINS[doll.skin], Part.LEGS) if doll.shoes == "flats" else shoe
        canvas.fill(_at_ankle(figure, side, _FOOT), foot)
        if doll.shoes == "flats":
            canvas.fill(_at_ankle(figure, side, _FLAT), shoe)
        pale = doll.shoes == "sneakers"
        sole = lighter(shoe.colour, 0.85) if pale else darker(shoe.colour, 0.5)
        canvas.line(_at_ankle(figure, side, _SOLE), sole, 0.009)


def draw_shoulders(canvas: Canvas, figure: Figure) -> None:
    """Draw the bare torso; a sleeveless top leaves the shoulders visible."""
    canvas.fill(figure.chest(_TORSO), paint(SKINS[figure.doll.skin], Part.ARMS))


def draw_neck(canvas: Canvas, figure: Figure) -> None:
    """Draw the neck with the head's shadow on it."""
    skin = SKINS[figure.doll.skin]
    canvas.fill(figure.chest(_NECK), paint(skin, Part.FACE), edge=False)
    canvas.glaze(figure.chest(_NECK_SHADOW), darker(skin, 0.7), 0.28)


def draw_arm(canvas: Canvas, figure: Figure, side: Side) -> None:
    """Draw a bare arm with its hand."""
    skin = SKINS[figure.doll.skin]
    arm = figure.arms[side]
    x, y, radius = arm[0]
    canvas.fill(ellipse(x, y, radius, radius), paint(skin, Part.ARMS), edge=False)
    thumb = arm[WRIST : WRIST + 9].copy()
    inward = -side * np.array([1.0, 0.0]) * arm[WRIST, 2] * 1.25
    thumb[:, :2] += inward * np.linspace(0.2, 1, 9)[:, None]
    thumb[:, 2] = np.linspace(0.01, 0.0055, 9) * figure.doll.body_height
    canvas.fill(ribbon(thumb), paint(skin, Part.ARMS))
    canvas.fill(ribbon(arm), paint(skin, Part.ARMS))
    canvas.glaze(band(arm[: ELBOW + WRIST], 0.3, 1.0), darker(skin, 0.6), _SHADE)
