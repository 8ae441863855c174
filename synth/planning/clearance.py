"""Where there is room: how long a person can walk without touching an obstacle or being hidden by one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from alignnet_common.arrays import Floats
from synth.animation.walk import Walk
from synth.cameras.camera import Camera, ground_distance
from synth.planning.config import CLIP_SECONDS
from synth.scenes.elements import Solid
from synth.scenes.footprints import FLAT, OVERHEAD, footprint

PACES = np.array([0.0, 0.7, 1.2, 1.7])
"""Metres a second that people may go at."""


TRIES = 20


STAY = (CLIP_SECONDS, 6.0)
"""Seconds that a person is before a camera, at least, and at most where nobody asks for more."""


ARM, SIDE = 0.6, 0.45
"""Metres that things keep from who walks for longer than the least, and from the line between them and the camera."""


TALLEST = 2.1
"""Metres to the top of a tall person's hat."""


NEARER = 0.6
"""Share of the camera's distance over the ground from mid-clip that they keep from it."""


@dataclass(frozen=True)
class Spot:
    """Where somebody is in mid-clip, and where they head."""

    offset: tuple[float, float]
    """(x, y) metres from the person in mid-clip."""
    heading: float
    """Degrees, as of `Walk`."""


def outlines(solids: Sequence[Solid]) -> Floats:
    """(N, 4) points x, y of the ground under things that rise above it, from what height to what height; metres."""
    rows = [np.zeros((0, 4))]
    for solid in solids:
        low, high = solid.centre[2] - solid.size[2] / 2, solid.centre[2] + solid.size[2] / 2
        if high > FLAT:
            points = footprint(solid)
            rows.append(np.column_stack([points, np.full(len(points), low), np.full(len(points), high)]))
    return np.concatenate(rows)


def standing(things: Floats) -> Floats:
    """(M, 2) those points of `outlines` under which nobody can walk."""
    points: Floats = things[things[:, 2] < OVERHEAD, :2]
    return points


def stay(
    camera: Camera, walk: Walk, things: Floats, occluders: Floats | None = None, longest: float = STAY[1]
) -> float:
    """For how many seconds, STAY[0] at least and `longest` at most, the person can walk without meeting one of
    `things`, being hidden by it, or coming too near the camera: half of them before mid-clip, half after it.
    `occluders` may hide them, not more.

    things, occluders -- as `outlines` has them.
    """
    longest = max(longest, STAY[0])
    times = np.arange(-longest / 2, longest / 2 + 0.05, 0.1)
    path = paths(Spot((0.0, 0.0), walk.heading), times, walk.turn)[-1]
    path = path * min(1.0, walk.pace)
    camera_at = ground_of(camera)
    around = np.concatenate([path, camera_at[None]])
    things = within(things, around)
    bad = np.linalg.norm(path - camera_at, axis=-1) < NEARER * ground_distance(camera)
    bad |= nearest(path, standing(things)) < ARM
    if occluders is not None:
        bad |= nearest(path, standing(within(occluders, around))) < ARM
    bad |= may_be_hidden(camera, path, things)
    return float(np.clip(2 * np.abs(times[bad]).min(initial=longest) - 0.2, STAY[0], longest))


def ground_of(camera: Camera) -> Floats:
    """(2,) where on the ground the camera stands, metres from the person in mid-clip."""
    return np.array([0.0, -ground_distance(camera)])


def may_be_hidden(camera: Camera, path: Floats, things: Floats) -> NDArray[np.bool_]:
    """(T,) whether one of `things`, as `outlines` has them, may be between the camera and somebody at `path` (T, 2)."""
    camera_at, height = ground_of(camera), camera.target_height + camera.distance * np.sin(np.radians(camera.pitch))
    hidden = np.zeros(len(path), dtype=bool)
    for share in np.linspace(0.3, 1, 13):
        # Between the lines from the camera to the feet and to the top of the head.
        feet = height * (1 - share)
        between = things[(things[:, 2] < feet + TALLEST * share) & (things[:, 3] > feet), :2]
        hidden |= nearest(camera_at + share * (path - camera_at), between) < SIDE
    return hidden


def within(things: Floats, places: Floats) -> Floats:
    """Those of `things`, as `outlines` has them, that may be nearer than ARM to something between `places` (N, 2)."""
    low, high = places.min(0) - ARM, places.max(0) + ARM
    near: Floats = things[((things[:, :2] > low) & (things[:, :2] < high)).all(1)]
    return near


def nearest(places: Floats, things: Floats) -> Floats:
    """Metres from each of `places` (..., 2) to the next of `things` (N, 2); infinite where there are none."""
    if len(things) == 0:
        return np.full(places.shape[:-1], np.inf)
    metres: Floats = cKDTree(things).query(places)[0]
    return metres


def paths(spot: Spot, times: Floats, turn: float = 0.0) -> Floats:
    """(paces, T, 2) where somebody is at `times` (T,) seconds from mid-clip, at each of PACES, who turns by `turn`
    degrees a second: an arc, of which each point lies half as far round as the heading there."""
    halfway = np.radians(spot.heading + turn * times / 2)
    chord = times * np.sinc(np.radians(turn) * times / (2 * np.pi))
    way = chord[:, None] * np.stack([np.sin(halfway), -np.cos(halfway)], axis=-1)
    return np.array(spot.offset) + PACES[:, None, None] * way
