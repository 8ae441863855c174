"""Ground outlines of the solids of a scene, and which solids stand in the way."""

from collections.abc import Sequence

import numpy as np

from alignnet_common.arrays import Floats
from synth.scenes.elements import Solid


def rotation(solid: Solid) -> Floats:
    """(3, 3) from the solid's own axes to the world's."""
    (cx, cy, cz), (sx, sy, sz) = (
        function(np.radians([solid.pitch, solid.roll, solid.yaw])) for function in (np.cos, np.sin)
    )
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    turn: Floats = about_z @ about_y @ about_x
    return turn


ROOM = 1.9
"""Metres about the origin, and to each side of the line from there to the camera, that stay free: a person walks some
way to any side within a clip."""


FLAT, OVERHEAD = 0.04, 2.7
"""What is lower than the one or begins above the other is in nobody's way, metres."""


def footprint(solid: Solid, spacing: float = 0.5) -> Floats:
    """(N, 2) points on the ground, at most `spacing` apart, that a solid and its copies cover. Tilts are ignored."""
    width, depth = (max(extent, 0.01) for extent in solid.size[:2])
    u, v = (np.linspace(-0.5, 0.5, 2 + int(extent / spacing)) * extent for extent in (width, depth))
    grid = np.stack(np.meshgrid(u, v), axis=-1).reshape(-1, 2)
    turned = grid @ rotation(solid)[:2, :2].T + np.array(solid.centre[:2])
    shift = np.arange(solid.count)[:, None] * np.array(solid.step[:2])
    points: Floats = (shift[:, None] + turned[None]).reshape(-1, 2)
    return points


def stands(solid: Solid) -> bool:
    """Whether it is in the way of people: neither flat on the ground nor overhead."""
    low, high = solid.centre[2] - solid.size[2] / 2, solid.centre[2] + solid.size[2] / 2
    return high > FLAT and low < OVERHEAD


def in_the_way(solids: Sequence[Solid]) -> bool:
    """Whether something stands where the person walks, or between there and the camera."""
    ground = [footprint(solid) for solid in solids if stands(solid)]
    if not ground:
        return False
    x, y = np.concatenate(ground).T
    return bool(((np.hypot(x, y) < ROOM) | ((y < 0) & (np.abs(x) < ROOM))).any())
