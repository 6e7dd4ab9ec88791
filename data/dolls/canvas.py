"""The supersampled canvas: image and segmentation map are painted with the same outlines."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from espalier.data.dolls.colours import Rgb, darker
from espalier.data.dolls.curves import Points
from espalier.data.dolls.patterns import Fabric, pattern_strength

_SMALLEST_SIDE = 256
_SUPERSAMPLING = 4
_EDGE_WIDTH = 0.0042
_EDGE_DARKNESS = 0.42


class Part(IntEnum):
    """The classes of the segmentation map."""

    BACKGROUND = 0
    HAIR = 1
    FACE = 2
    UPPER = 3
    LOWER = 4
    LEGS = 5
    ARMS = 6


@dataclass(frozen=True, slots=True)
class Paint:
    """A shape's colour (or fabric) and its class in the map."""

    fabric: Fabric
    part: Part

    @property
    def colour(self) -> Rgb:
        """The main colour."""
        return self.fabric.colour


def paint(colour: Rgb, part: Part) -> Paint:
    """Return a plain paint."""
    return Paint(Fabric(colour), part)


_TABLES = [[255 * (value == part) for value in range(256)] for part in Part]
"""Lookup table per class: 255 for the class, 0 otherwise."""


class Canvas:
    """A square image and its map while being drawn. Coordinates are 0..1 of the side, y down."""

    def __init__(self, resolution: int, top: Rgb, bottom: Rgb) -> None:
        """Create an empty canvas with a background gradient from `top` to `bottom`."""
        self._resolution = resolution
        # Small images share one canvas size, so that 32x32 and 64x64 show the same drawing.
        self.side = max(_SMALLEST_SIDE, _SUPERSAMPLING * resolution)
        column = np.linspace(top, bottom, self.side)[:, None, :].round().astype(np.uint8)
        self._image = Image.fromarray(column).resize((self.side, self.side), Image.Resampling.NEAREST)
        self._map = Image.new("L", (self.side, self.side), int(Part.BACKGROUND))
        self._ink = ImageDraw.Draw(self._image)
        self._glaze = ImageDraw.Draw(self._image, "RGBA")
        self._classes = ImageDraw.Draw(self._map)
        self._edge = max(1, round(_EDGE_WIDTH * self.side))

    def _pixels(self, points: Points) -> list[float]:
        flat: list[float] = (points * self.side).ravel().tolist()
        return flat

    def fill(self, points: Points, paint: Paint, *, edge: bool = True, turn: float = 0.0) -> None:
        """Fill a shape; its edge, a darker line, follows the points from first to last.

        `turn` rotates the fabric's pattern, in radians.
        """
        flat = self._pixels(points)
        self._ink.polygon(flat, fill=paint.colour)
        self._classes.polygon(flat, fill=int(paint.part))
        if paint.fabric.pattern != "plain":
            self._weave(points, paint.fabric, turn)
        if edge:
            self._ink.line(flat, fill=darker(paint.colour, _EDGE_DARKNESS), width=self._edge)
            self._classes.line(flat, fill=int(paint.part), width=self._edge)

    def _weave(self, points: Points, fabric: Fabric, turn: float) -> None:
        low = np.floor(points.min(axis=0) * self.side).astype(int).clip(0, self.side - 1)
        high = np.ceil(points.max(axis=0) * self.side).astype(int).clip(1, self.side) + 1
        width, height = (int(length) for length in high - low)
        inside = Image.new("1", (width, height))
        ImageDraw.Draw(inside).polygon(self._pixels(points - low / self.side), fill=1)
        x = (np.arange(width) + low[0]) / self.side - points[0, 0]
        y = (np.arange(height) + low[1]) / self.side - points[0, 1]
        strength = pattern_strength(fabric.pattern, x[None, :], y[:, None], turn)
        mask = Image.fromarray((strength * np.asarray(inside) * 255).astype(np.uint8))
        self._image.paste(fabric.second, (int(low[0]), int(low[1])), mask)

    def glaze(self, points: Points, colour: Rgb, strength: float) -> None:
        """Overlay a translucent shape (`strength` 0..1); the map is unchanged."""
        self._glaze.polygon(self._pixels(points), fill=(*colour, round(255 * strength)))

    def line(self, points: Points, colour: Rgb, width: float) -> None:
        """Draw an open line, `width` as a fraction of the side; the map is unchanged."""
        self._ink.line(self._pixels(points), fill=colour, width=max(1, round(width * self.side)), joint="curve")

    def reduced(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Downsample the image (resolution, resolution, 3) by averaging, and the map (resolution, resolution).

        A map pixel takes the class that covers most of it.
        """
        factor = self.side // self._resolution
        image = np.asarray(self._image.reduce(factor))
        covers = [np.asarray(self._map.point(table).reduce(factor)) for table in _TABLES]
        return image, np.argmax(np.stack(covers), axis=0).astype(np.uint8)
