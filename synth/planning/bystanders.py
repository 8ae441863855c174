"""Where other people are in a sighting (a clip, here): behind and beside the person, or on their way past the camera.
Pure geometry.

Nobody walks through the person, the camera or a thing. What a clip's people do is known here only roughly (they may
stop, turn a little, or walk at any pace), so that room is kept for any of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alignnet_common.arrays import Floats
from synth.animation.walk import Walk
from synth.cameras.camera import Camera, ground_distance
from synth.planning.clearance import PACES, TRIES, Spot, ground_of, nearest, paths, standing

SHARE = 0.45
"""Of clips in which others are wanted; where there is no room for them there are none, which leaves a third."""
PASSING = 0.3
"""Of occluded clips, those in which a passer-by is what hides the person."""
APART = 0.9
"""Metres between the middles of two people, at least: shoulders are 0.5 m wide, arms swing, bags stand out."""


@dataclass(frozen=True)
class Surroundings:
    """What others must keep away from."""

    camera: Camera
    heading: float
    """The person's own, degrees."""
    turn: float
    """Degrees a second by which they turn."""
    seconds: float
    """Length of the clip."""
    obstacles: Floats
    """(N, 2) points of the ground that things stand on."""


def surroundings(camera: Camera, walk: Walk, seconds: float, things: Floats) -> Surroundings:
    """The person's path and the `things` of a place, as `outlines` has them."""
    reach = 6.0 + PACES.max() * seconds
    points = standing(things)
    return Surroundings(camera, walk.heading, walk.turn, seconds, points[np.abs(points).max(1) < reach])


def bystanders_rand(rng: np.random.Generator, around: Surroundings) -> list[Spot]:
    """In about a third of clips up to three people behind or beside the person, where the crop sees them."""
    if rng.random() > SHARE:
        return []
    spots: list[Spot] = []
    for _ in range(int(rng.choice([1, 2, 3], p=[0.5, 0.3, 0.2]))):
        for _ in range(TRIES):
            y = rng.uniform(0.3, 5.0)
            spot = Spot((rng.normal(0, 0.55 + 0.15 * y), y), heading_rand(rng, around.heading))
            if is_free(spot, around, spots):
                spots.append(spot)
                break
    return spots


def heading_rand(rng: np.random.Generator, own: float) -> float:
    """People go the same way, the other way, or any way."""
    kind = rng.choice(3, p=[0.35, 0.25, 0.4])
    return float((own + 180 * kind + rng.normal(0, 12)) if kind < 2 else rng.uniform(-180, 180))


def passer_rand(rng: np.random.Generator, around: Surroundings, others: Sequence[Spot]) -> Spot | None:
    """Somebody who crosses between the person and the camera in mid-clip; None where there is no room for it."""
    far = min(2.4, 0.5 * ground_distance(around.camera))
    for _ in range(TRIES):
        across = float(rng.choice([-90, 90])) + rng.normal(0, 20)
        spot = Spot((rng.uniform(-0.4, 0.4), -rng.uniform(APART, max(far, APART + 0.1))), across)
        if is_free(spot, around, others):
            return spot
    return None


def is_free(spot: Spot, around: Surroundings, others: Sequence[Spot]) -> bool:
    """Whether somebody there meets nobody and nothing, whatever pace each keeps, and is not behind a wall."""
    times = np.linspace(-0.5, 0.5, 9) * around.seconds
    own = paths(spot, times)
    camera = ground_of(around.camera)
    person = paths(Spot((0.0, 0.0), around.heading), times, around.turn)
    for path in (person, *(paths(other, times) for other in others)):
        if np.linalg.norm(own[:, None] - path[None], axis=-1).min() < APART:
            return False
    sight = camera + np.linspace(0.6, 1, 20)[:, None] * (np.array(spot.offset) - camera)
    walked = np.concatenate([own.reshape(-1, 2), sight])
    if (nearest(walked, around.obstacles) < 0.55).any():
        return False
    return bool(np.linalg.norm(own - camera, axis=-1).min() > 1.3)
