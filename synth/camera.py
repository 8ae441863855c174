"""Surveillance cameras and the crops that a tracker cuts out of their frames: pure geometry.

The world's origin is where the person is in mid-clip, and the camera stands at negative Y. Image coordinates are
continuous pixels with the origin at the top left *corner* inside this module; stored joints have pixel centres at
integers, half a pixel less.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HEIGHT, WIDTH = 128, 64
"""Size of a crop in pixels (paper, Section 4.2)."""
SMOOTHING = 0.3
"""Seconds over which a tracker's box is smoothed."""


@dataclass(frozen=True)
class Camera:
    """A fixed camera that looks at the scene's origin."""

    distance: float
    """Metres to the person in mid-clip."""
    pitch: float
    """Degrees that the camera looks down."""
    roll: float
    """Degrees that the camera is tilted."""
    target_height: float
    """Height above the ground of the point it looks at, metres."""


def camera_rand(rng: np.random.Generator) -> Camera:
    """Draw a camera: 3-15 m away, looking down 0-35 degrees (most between 5 and 25)."""
    return Camera(
        distance=float(np.exp(rng.uniform(np.log(3.5), np.log(15)))),
        pitch=float(35 * rng.beta(1.6, 2.4)),
        roll=rng.normal(0, 1.0),
        target_height=0.9,
    )


@dataclass(frozen=True)
class Tracker:
    """How a person's box is cut out: one draw a clip."""

    margin: float
    """Height of the crop over the height of the person."""
    shift: tuple[float, float]
    """Constant offset of the crop's centre, as fractions of its height."""
    jitter: float
    """Standard deviation of the offset from frame to frame, as a fraction of the crop's height."""


def tracker_rand(rng: np.random.Generator) -> Tracker:
    """Draw a tracker: mostly tight, a little off, sometimes cutting feet or head."""
    return Tracker(
        margin=rng.uniform(1.04, 1.2),
        shift=(rng.normal(0, 0.015), rng.normal(0, 0.015)),
        jitter=rng.uniform(0.002, 0.008),
    )


def extrinsics(camera: Camera) -> tuple[Floats, Floats]:
    """Rotation (3, 3) and translation (3,) from world to camera: x right, y down, z forward, metres."""
    pitch, roll = np.radians(camera.pitch), np.radians(camera.roll)
    target = np.array([0, 0, camera.target_height])
    forward = np.array([0, np.cos(pitch), -np.sin(pitch)])
    right = np.array([1.0, 0, 0])
    down = np.cross(forward, right)
    rolled = np.stack([np.cos(roll) * right + np.sin(roll) * down, np.cos(roll) * down - np.sin(roll) * right, forward])
    position = target - camera.distance * forward
    return rolled, -rolled @ position


def to_camera(points: Floats, rotation: Floats, translation: Floats) -> Floats:
    """World points (..., 3) in the camera's frame, metres."""
    return points @ rotation.T + translation


def project(points: Floats, intrinsics: Floats) -> Floats:
    """Camera points (N, 3) or (T, N, 3) to continuous pixels by intrinsics (3, 3), or (T, 3, 3) one a frame."""
    image = np.einsum("...ij,...nj->...ni", intrinsics, points)
    return image[..., :2] / image[..., 2:]


def follow(points: Floats, tracker: Tracker, fps: float, rng: np.random.Generator) -> Floats:
    """Intrinsics (T, 3, 3) of the 128 × 64 crops that follow a person.

    `points` (T, N, 3): all that belongs to the person, in the camera's frame. The box is smoothed over time, as a
    tracker's is, then offset and jittered.
    """
    flat = points[..., :2] / points[..., 2:]
    low, high = flat.min(1), flat.max(1)
    size = np.maximum((high - low)[:, 1] * tracker.margin, (high - low)[:, 0] * 2 * 1.02)
    centre = (low + high) / 2
    reach = int(SMOOTHING * fps / 2)
    size, centre = _smooth(size[:, None], reach)[:, 0], _smooth(centre, reach)
    wander = np.asarray(tracker.shift) + rng.normal(0, tracker.jitter, (len(points), 2))
    centre = centre + wander * size[:, None]
    intrinsics = np.zeros((len(points), 3, 3))
    intrinsics[:, 0, 0] = intrinsics[:, 1, 1] = HEIGHT / size
    intrinsics[:, 0, 2] = WIDTH / 2 - centre[:, 0] * HEIGHT / size
    intrinsics[:, 1, 2] = HEIGHT / 2 - centre[:, 1] * HEIGHT / size
    intrinsics[:, 2, 2] = 1
    return intrinsics


def _smooth(series: Floats, reach: int) -> Floats:
    """Moving mean of (T, D) over up to 2 * reach + 1 frames; symmetric, so narrower towards the ends."""
    out = np.empty_like(series)
    for frame in range(len(series)):
        near = min(reach, frame, len(series) - 1 - frame)
        out[frame] = series[frame - near : frame + near + 1].mean(0)
    return out
