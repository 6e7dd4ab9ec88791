"""Draw a doll's image and segmentation map."""

import numpy as np
from numpy.typing import NDArray

from espalier.data.dolls.body import draw_arm, draw_legs, draw_neck, draw_shoes, draw_shoulders
from espalier.data.dolls.bottoms import draw_lower
from espalier.data.dolls.canvas import Canvas
from espalier.data.dolls.colours import BACKGROUNDS, darker, gradient_end
from espalier.data.dolls.curves import ellipse
from espalier.data.dolls.face import draw_face
from espalier.data.dolls.figure import FLOOR, Figure, Side
from espalier.data.dolls.hair import draw_back_hair, draw_front_hair
from espalier.data.dolls.hats import draw_hat
from espalier.data.dolls.outfit import Doll
from espalier.data.dolls.tops import draw_sleeve, draw_torso
from espalier.data.dolls.trimmings import draw_trimmings


def _canvas(doll: Doll, resolution: int) -> Canvas:
    top = BACKGROUNDS[doll.background]
    bottom = gradient_end(top, doll.gradient)
    canvas = Canvas(resolution, top, bottom)
    for size in (1.0, 0.87, 0.74, 0.6):
        shadow = ellipse(0.5 + doll.shift, FLOOR - 0.004, 0.21 * size, 0.026 * size)
        canvas.glaze(shadow, darker(bottom, 0.6), 0.12)
    return canvas


def draw(doll: Doll, resolution: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw the doll's image and segmentation map.

    Args:
        doll: the doll to draw; it determines the drawing.
        resolution: side in pixels, a power of two from 4 to 256.

    Returns:
        RGB values 0..255, uint8 (resolution, resolution, 3), and the map, uint8 (resolution, resolution):
        0 background, 1 hair and hat, 2 face, neck and sunglasses, 3 upper clothes, 4 trousers, skirt or
        dress, 5 legs and shoes, 6 arms and hands.
    """
    canvas, figure = _canvas(doll, resolution), Figure(doll)
    sides: tuple[Side, Side] = (-1, 1)
    draw_back_hair(canvas, figure)
    draw_legs(canvas, figure)
    draw_shoes(canvas, figure)
    draw_shoulders(canvas, figure)
    draw_lower(canvas, figure)
    draw_torso(canvas, figure)
    draw_neck(canvas, figure)
    draw_trimmings(canvas, figure)
    for side in sides:
        draw_arm(canvas, figure, side)
        draw_sleeve(canvas, figure, side)
    draw_face(canvas, figure)
    draw_front_hair(canvas, figure)
    draw_hat(canvas, figure)
    return canvas.reduced()
