"""Surveillance cameras and the crops that a tracker cuts out of their frames: pure geometry.

The world's origin is where the person is in mid-clip, and the camera stands at negative Y. Image coordinates are
continuous pixels with the origin at the top left *corner* inside this module; stored joints have pixel centres at
integers, half a pixel less.
"""

from dataclasses import dataclass

import numpy as np

from alignnet_common.arrays import Floats

HEIGHT, WIDTH = 128, 64
"""Size of a crop in pixels (paper, Section 4.2)."""
STEEPEST = 35.0
"""Degrees that a camera looks down at most."""


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
    """Draw a camera: 3-15 m away and looking down 0-35 degrees, as its height makes it.

    One in five stands at eye level, as a camera on a tripod or a gate does; the others hang 2.2-5 m above the ground,
    where lamp posts, canopies and ceilings are.
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


def ground_distance(camera: Camera) -> float:
    """Metres along the ground from the camera to the person."""
    return camera.distance * float(np.cos(np.radians(camera.pitch)))
