"""Positions of bystanders in a sighting: behind and beside the person, or crossing between person and camera.

Geometry only. A bystander never walks through the person, the camera, an obstacle or another bystander. The pose
animation is not simulated here: people may stop or walk at any of the tested speeds, so every speed is kept clear.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alignnet_common.arrays import Floats
from synth.animation.walk import Walk
from synth.cameras.camera import Camera, ground_distance
from synth.planning.clearance import SPEEDS, Spot, blocked_ground, distance_to_nearest, ground_position, paths

BYSTANDER_SHARE = 0.45
"""Share of clips that try to place bystanders behind or beside the person. About a third of all clips end up with some,
since others lack room."""
OCCLUDED_BY_BYSTANDER = 0.3
"""Share of occluded clips in which the occluder is a bystander."""
MIN_GAP = 0.9
"""Smallest distance between the centres of two people, metres: shoulders are 0.5 m wide, arms swing, bags stick out."""
PLACEMENT_TRIES = 20
"""Positions drawn for a bystander before giving up."""


@dataclass(frozen=True)
class Surroundings:
    """The person, the camera and the obstacles that bystanders must avoid."""

    camera: Camera
    heading: float
    """Heading of the person, degrees."""
    turn: float
    """Turning rate of the person, degrees a second."""
    seconds: float
    """Length of the sighting."""
    obstacles: Floats
    """(N, 2) points on the ground that cannot be walked on."""


def surroundings(camera: Camera, walk: Walk, seconds: float, obstacles: Floats) -> Surroundings:
    """The person's path, and those of the `obstacles` (N, 4) of `clearance.obstacles_of` that are within reach."""
    reach = 6.0 + SPEEDS.max() * seconds
    points = blocked_ground(obstacles)
    return Surroundings(camera, walk.heading, walk.turn, seconds, points[np.abs(points).max(1) < reach])


def bystanders_rand(rng: np.random.Generator, around: Surroundings) -> list[Spot]:
    """Draw up to three bystanders behind or beside the person, inside the crop; about two draws in three have none."""
    if rng.random() > BYSTANDER_SHARE:
        return []
    spots: list[Spot] = []
    for _ in range(int(rng.choice([1, 2, 3], p=[0.5, 0.3, 0.2]))):
        for _ in range(PLACEMENT_TRIES):
            y = rng.uniform(0.3, 5.0)
            spot = Spot((rng.normal(0, 0.55 + 0.15 * y), y), heading_rand(rng, around.heading))
            if is_free(spot, around, spots):
                spots.append(spot)
                break
    return spots


def heading_rand(rng: np.random.Generator, persons_heading: float) -> float:
    """Draw a heading in degrees: the person's (35 %), the opposite (25 %) or any (40 %)."""
    kind = rng.choice(3, p=[0.35, 0.25, 0.4])
    return float((persons_heading + 180 * kind + rng.normal(0, 12)) if kind < 2 else rng.uniform(-180, 180))


def crossing_bystander_rand(rng: np.random.Generator, around: Surroundings, others: Sequence[Spot]) -> Spot | None:
    """Draw a bystander who crosses between the person and the camera in mid-clip; None if there is no room."""
    far = min(2.4, 0.5 * ground_distance(around.camera))
    for _ in range(PLACEMENT_TRIES):
        across = float(rng.choice([-90, 90])) + rng.normal(0, 20)
        spot = Spot((rng.uniform(-0.4, 0.4), -rng.uniform(MIN_GAP, max(far, MIN_GAP + 0.1))), across)
        if is_free(spot, around, others):
            return spot
    return None


def is_free(spot: Spot, around: Surroundings, others: Sequence[Spot]) -> bool:
    """Whether a bystander at `spot` collides with nobody and nothing at any of SPEEDS, and is not behind a wall."""
    times = np.linspace(-0.5, 0.5, 9) * around.seconds
    own = paths(spot, times)
    camera = ground_position(around.camera)
    person = paths(Spot((0.0, 0.0), around.heading), times, around.turn)
    for path in (person, *(paths(other, times) for other in others)):
        if np.linalg.norm(own[:, None] - path[None], axis=-1).min() < MIN_GAP:
            return False
    sight = camera + np.linspace(0.6, 1, 20)[:, None] * (np.array(spot.offset) - camera)
    walked = np.concatenate([own.reshape(-1, 2), sight])
    if (distance_to_nearest(walked, around.obstacles) < 0.55).any():
        return False
    return bool(np.linalg.norm(own - camera, axis=-1).min() > 1.3)
