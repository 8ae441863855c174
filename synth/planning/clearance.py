"""Free space of a scene: how long a person can walk without touching an obstacle or being hidden by one.

Coordinates are metres on the ground about the person in mid-clip; the camera is at negative Y. Obstacles are arrays
(N, 4) of points on the ground with the heights between which something is above them: x, y, bottom, top.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alignnet_common.arrays import Floats
from synth.animation.walk import Walk
from synth.cameras.camera import Camera, ground_distance
from synth.planning.config import CLIP_SECONDS
from synth.scenes.elements import Solid
from synth.scenes.footprints import FLAT, OVERHEAD, footprint

SPEEDS = np.array([0.0, 0.7, 1.2, 1.7])
"""Walking speeds that are tested, metres a second."""
MIN_SECONDS, MAX_SECONDS = CLIP_SECONDS, 6.0
"""Shortest and, unless a longer clip is requested, longest duration of a sighting, seconds."""
PATH_MARGIN, SIGHT_MARGIN = 0.6, 0.45
"""Metres between an obstacle and the path, and between an obstacle and the line of sight, in clips longer than
MIN_SECONDS."""
PERSON_HEIGHT = 2.1
"""Height of a tall person with a hat, metres."""
NEAREST_SHARE = 0.6
"""Smallest distance from the person to the camera on the ground, as a share of the distance in mid-clip."""


@dataclass(frozen=True)
class Spot:
    """Position and heading of a person in mid-clip."""

    offset: tuple[float, float]
    """(x, y) metres from the person in mid-clip."""
    heading: float
    """Degrees, as in `Walk`."""


def obstacles_of(solids: Sequence[Solid]) -> Floats:
    """(N, 4) obstacle points of the solids that rise above the ground."""
    rising = [solid for solid in solids if solid.centre[2] + solid.size[2] / 2 > FLAT]
    if not rising:
        return np.zeros((0, 4))
    points = [footprint(solid) for solid in rising]
    heights = [(solid.centre[2] - solid.size[2] / 2, solid.centre[2] + solid.size[2] / 2) for solid in rising]
    return np.hstack([np.concatenate(points), np.repeat(heights, [len(each) for each in points], axis=0)])


def blocked_ground(obstacles: Floats) -> Floats:
    """(M, 2) points of `obstacles` (N, 4) that leave no room to walk below them."""
    points: Floats = obstacles[obstacles[:, 2] < OVERHEAD, :2]
    return points


def longest_unobstructed_walk(
    camera: Camera, walk: Walk, obstacles: Floats, occluders: Floats | None = None, longest: float = MAX_SECONDS
) -> float:
    """Seconds, centred on mid-clip, that the person can walk without touching an obstacle, being hidden by one or
    coming too close to the camera: at least MIN_SECONDS, at most `longest`.

    `obstacles` and `occluders` are (N, 4). `occluders` may hide the person but not be touched.
    """
    longest = max(longest, MIN_SECONDS)
    times = np.arange(-longest / 2, longest / 2 + 0.05, 0.1)
    path = paths(Spot((0.0, 0.0), walk.heading), times, walk.turn)[-1]
    path = path * min(1.0, walk.pace)
    camera_at = ground_position(camera)
    around = np.concatenate([path, camera_at[None]])
    obstacles = near(obstacles, around)
    bad = np.linalg.norm(path - camera_at, axis=-1) < NEAREST_SHARE * ground_distance(camera)
    bad |= distance_to_nearest(path, blocked_ground(obstacles)) < PATH_MARGIN
    if occluders is not None:
        bad |= distance_to_nearest(path, blocked_ground(near(occluders, around))) < PATH_MARGIN
    bad |= may_be_hidden(camera, path, obstacles)
    return float(np.clip(2 * np.abs(times[bad]).min(initial=longest) - 0.2, MIN_SECONDS, longest))


def ground_position(camera: Camera) -> Floats:
    """(2,) position of the camera on the ground, metres from the person in mid-clip."""
    return np.array([0.0, -ground_distance(camera)])


def may_be_hidden(camera: Camera, path: Floats, obstacles: Floats) -> NDArray[np.bool_]:
    """(T,) whether one of `obstacles` (N, 4) may hide a person at `path` (T, 2) from the camera."""
    camera_at = ground_position(camera)
    height = camera.target_height + camera.distance * np.sin(np.radians(camera.pitch))
    hidden = np.zeros(len(path), dtype=bool)
    for share in np.linspace(0.3, 1, 13):
        # Between the lines from the camera to the feet and to the top of the head.
        feet = height * (1 - share)
        between = obstacles[(obstacles[:, 2] < feet + PERSON_HEIGHT * share) & (obstacles[:, 3] > feet), :2]
        hidden |= distance_to_nearest(camera_at + share * (path - camera_at), between) < SIGHT_MARGIN
    return hidden


def near(obstacles: Floats, points: Floats) -> Floats:
    """Those of `obstacles` (N, 4) within PATH_MARGIN of the bounding box of `points` (M, 2)."""
    low, high = points.min(0) - PATH_MARGIN, points.max(0) + PATH_MARGIN
    inside: Floats = obstacles[((obstacles[:, :2] > low) & (obstacles[:, :2] < high)).all(1)]
    return inside


def distance_to_nearest(points: Floats, others: Floats) -> Floats:
    """Metres from each of `points` (..., 2) to the nearest of `others` (N, 2); infinite if there are none."""
    if len(others) == 0:
        return np.full(points.shape[:-1], np.inf)
    from scipy.spatial import cKDTree  # here, because importing it takes half a second

    metres: Floats = cKDTree(others).query(points)[0]
    return metres


def paths(spot: Spot, times: Floats, turn: float = 0.0) -> Floats:
    """(speeds, T, 2) positions at `times` (T,), seconds from mid-clip, at each of SPEEDS.

    `turn` is in degrees a second. The path is a circular arc; the direction of a point from mid-clip is midway between
    the headings at both.
    """
    halfway = np.radians(spot.heading + turn * times / 2)
    chord = times * np.sinc(np.radians(turn) * times / (2 * np.pi))
    way = chord[:, None] * np.stack([np.sin(halfway), -np.cos(halfway)], axis=-1)
    return np.array(spot.offset) + SPEEDS[:, None, None] * way
