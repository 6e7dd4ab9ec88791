"""The body under the clothes: joint positions in image coordinates."""

from functools import cached_property
from typing import Literal

import numpy as np

from espalier.data.dolls.curves import STEPS, Limb, Points, scale, smooth, turn
from espalier.data.dolls.outfit import Doll

FLOOR = 0.957
"""Height of the floor in the image, 0 top to 1 bottom."""

ELBOW, WRIST = STEPS, 2 * STEPS
"""Indices on an arm."""

KNEE, ANKLE = 2 * STEPS, 4 * STEPS
"""Indices on a leg."""

Side = Literal[-1, 1]
"""The image's left or right."""

_HEAD_RADIUS = 0.085
_HEAD = (0.0, 0.089)
_PELVIS = (0.0, 0.48)
_HIP, _THIGH, _SHIN = 0.49, 0.235, 0.225
_ARM_RADII = (0.0265, 0.0225, 0.0165, 0.0205, 0.0165, 0.004)
_LEG_RADII = (0.047, 0.0405, 0.0295, 0.0275, 0.0185)


def _toward(angle: float, side: Side) -> Points:
    return np.array([side * np.sin(angle), np.cos(angle)])


class Figure:
    """A doll's body.

    Body coordinates: one unit is the body's height, x from its axis, y from crown 0 to soles 1.
    Unless stated otherwise, the limbs and return values are in image coordinates, 0..1 of its side.
    """

    def __init__(self, doll: Doll) -> None:
        """Build the body of this doll."""
        self.doll = doll
        size, pose = doll.body_height, doll.pose
        body = scale(size, size, (0.5 + doll.shift, FLOOR - size))
        self._lower = body
        self._upper = turn(pose.lean, _PELVIS).within(body)
        self._hips = scale(doll.body_width, 1).within(self._lower)
        self._chest = scale(doll.body_width, 1).within(self._upper)
        # The head tilts about the chin.
        skull = turn(pose.tilt, (0, 1)).within(scale(_HEAD_RADIUS, _HEAD_RADIUS, _HEAD))
        self._head = skull.within(self._upper)

    def hips(self, points: Points) -> Points:
        """Convert from body coordinates, for parts that do not lean."""
        return self._hips.place(points)

    def chest(self, points: Points) -> Points:
        """Convert from body coordinates, for parts that lean with the upper body."""
        return self._chest.place(points)

    def head(self, points: Points) -> Points:
        """Convert from head coordinates: 0 at its centre, 1 at chin (y) and about 0.8 at the cheeks (x)."""
        return self._head.place(points)

    def _limb(self, joints: Points, radii: tuple[float, ...]) -> Limb:
        thickness = np.array(radii) * self.doll.body_height * self.doll.body_width
        return smooth(np.column_stack([joints, thickness]))

    def _arm(self, side: Side, angle: float, bend: float) -> Limb:
        shoulder = np.array([side * 0.085 * self.doll.body_width, 0.237])
        elbow = shoulder + 0.148 * _toward(angle, side)
        forearm = _toward(angle + bend, side)
        joints = [shoulder, elbow] + [elbow + reach * forearm for reach in (0.125, 0.147, 0.166, 0.174)]
        return self._limb(self._upper.place(np.stack(joints)), _ARM_RADII)

    def _leg(self, side: Side, angle: float, bend: float) -> Limb:
        hip = np.array([side * 0.046 * self.doll.body_width, _HIP])
        thigh, shin = _THIGH * _toward(angle, side), _SHIN * _toward(angle + bend, side)
        knee = hip + thigh
        joints = [hip, hip + 0.5 * thigh, knee, knee + 0.42 * shin, knee + shin]
        return self._limb(self._lower.place(np.stack(joints)), _LEG_RADII)

    @cached_property
    def arms(self) -> dict[Side, Limb]:
        """Both arms, shoulder to fingertips; indices: 0, ELBOW, WRIST, last."""
        pose = self.doll.pose
        return {
            -1: self._arm(-1, pose.left_arm, pose.left_elbow),
            1: self._arm(1, pose.right_arm, pose.right_elbow),
        }

    @cached_property
    def legs(self) -> dict[Side, Limb]:
        """Both legs, hip to ankle; indices: 0, KNEE, ANKLE."""
        pose = self.doll.pose
        return {
            -1: self._leg(-1, pose.left_leg, pose.left_knee),
            1: self._leg(1, pose.right_leg, pose.right_knee),
        }

    def stride(self, height: float) -> float:
        """Largest distance of the legs' centre lines from the axis at this height, in body coordinates."""
        level = self._lower.place(np.array([0.0, height]))[1]
        reach = 0.0
        for leg in self.legs.values():
            x = leg[np.searchsorted(leg[:, 1], level) - 1, 0]
            reach = max(reach, abs(float(x - self._lower.origin[0])))
        return reach / (self.doll.body_height * self.doll.body_width)
