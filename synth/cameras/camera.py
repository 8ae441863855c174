"""Geometry of surveillance cameras.

World: the person is at the origin in mid-clip, the camera is at negative Y, Z is up, metres. Image: continuous pixels
with the origin at the top left *corner*. Stored joints have pixel centres at integers, half a pixel less.
"""

from dataclasses import dataclass

import numpy as np

from alignnet_common.arrays import Floats

HEIGHT, WIDTH = 128, 64
"""Size of a crop, pixels (Section 4.2 of the paper)."""
STEEPEST = 35.0
"""Largest downward pitch of a camera, degrees."""


@dataclass(frozen=True)
class Camera:
    """A fixed camera that looks at the vertical through the origin of the world."""

    distance: float
    """Metres to the person in mid-clip."""
    pitch: float
    """Downward pitch, degrees."""
    roll: float
    """Roll about the optical axis, degrees."""
    target_height: float
    """Height of the point that the camera looks at, metres."""


def camera_rand(rng: np.random.Generator) -> Camera:
    """Draw a camera at 3 to 15 m with the pitch, at most STEEPEST, that follows from its height.

    One in five is at eye level, as on a tripod or a gate (1.3 to 2 m); the others are at 2.2 to 5 m, as on lamp posts,
    canopies and ceilings.
    """
    target_height = 0.9
    at_eye_level = rng.random() < 0.2
    height = rng.uniform(1.3, 2.0) if at_eye_level else rng.uniform(2.2, 5.0)
    nearest = max(3.0, (height - target_height) / np.sin(np.radians(STEEPEST)))
    distance = float(np.exp(rng.uniform(np.log(nearest), np.log(15))))
    return Camera(
        distance=distance,
        pitch=float(np.degrees(np.arcsin((height - target_height) / distance))),
        roll=rng.normal(0, 1.0),
        target_height=target_height,
    )


def extrinsics(camera: Camera) -> tuple[Floats, Floats]:
    """Rotation (3, 3) and translation (3,) from world to camera coordinates (x right, y down, z forward), metres."""
    pitch, roll = np.radians(camera.pitch), np.radians(camera.roll)
    target = np.array([0, 0, camera.target_height])
    forward = np.array([0, np.cos(pitch), -np.sin(pitch)])
    right = np.array([1.0, 0, 0])
    down = np.cross(forward, right)
    rolled = np.stack([np.cos(roll) * right + np.sin(roll) * down, np.cos(roll) * down - np.sin(roll) * right, forward])
    position = target - camera.distance * forward
    return rolled, -rolled @ position


def to_camera(points: Floats, rotation: Floats, translation: Floats) -> Floats:
    """World points (..., 3) in camera coordinates, metres."""
    return points @ rotation.T + translation


def project(points: Floats, intrinsics: Floats) -> Floats:
    """Continuous pixels (..., N, 2) of points (..., N, 3) in camera coordinates by intrinsics (..., 3, 3).

    The leading dimensions are none, or (T,) with one matrix a frame.
    """
    image = np.einsum("...ij,...nj->...ni", intrinsics, points)
    return image[..., :2] / image[..., 2:]


def ground_distance(camera: Camera) -> float:
    """Metres along the ground from the camera to the origin."""
    return camera.distance * float(np.cos(np.radians(camera.pitch)))
