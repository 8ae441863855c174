"""The tracker of a camera: the bounding box, and so the crop, of each frame."""

from dataclasses import dataclass

import numpy as np

from alignnet_common.arrays import Floats
from synth.cameras.camera import HEIGHT, WIDTH

SMOOTHING = 0.3
"""Seconds over which bounding boxes are smoothed."""


@dataclass(frozen=True)
class Tracker:
    """Errors of the bounding boxes that are cut out and stretched to crops of 128 × 64 pixels; one draw a sighting."""

    margin: float
    """Height of the box over the height of the person."""
    aspect: float
    """Least width of the box over its height before it is stretched to 1:2; a wider person has a wider box."""
    shift: tuple[float, float]
    """Constant offset of the centre of the box to the right and down, as fractions of its height."""
    drift: tuple[float, float]
    """Change of that offset over the clip, linear and 0 in mid-clip: a tracker that drifts off."""
    jitter: float
    """Standard deviation of the independent offset of each frame, as a fraction of the height of the box."""


def tracker_rand(rng: np.random.Generator) -> Tracker:
    """Draw a tracker: 80 % tight boxes with small offsets, 9 % loose ones, 8 % without the feet, 3 % without the head.

    Detectors fit a box to the person, and data sets stretch it to the size of a crop. The aspect ratio of the box
    therefore makes people broader or narrower.
    """
    margin, cut = rng.uniform(1.0, 1.14), 0.0
    kind = rng.choice(["tight", "loose", "no feet", "no head"], p=[0.8, 0.09, 0.08, 0.03])
    if kind == "loose":
        margin = rng.uniform(1.18, 1.4)
    elif kind == "no feet":
        cut = -rng.uniform(0.06, 0.16)
    elif kind == "no head":
        cut = rng.uniform(0.04, 0.09)
    return Tracker(
        margin=margin,
        aspect=rng.uniform(0.33, 0.48),
        shift=(rng.normal(0, 0.015), rng.normal(0, 0.012) + cut),
        drift=(rng.normal(0, 0.02), rng.normal(0, 0.012)),
        jitter=rng.uniform(0.002, 0.008),
    )


def follow(points: Floats, tracker: Tracker, fps: float, rng: np.random.Generator) -> Floats:
    """Intrinsics (T, 3, 3) of the 128 × 64 crops of a person.

    `points`: (T, N, 3) vertices of the person and of what they carry, in camera coordinates. The box around their
    projections is smoothed over time, then shifted by offset and jitter. Pixels are not square: a box of any shape is
    stretched to 1:2.
    """
    flat = points[..., :2] / points[..., 2:]
    low, high = flat.min(1), flat.max(1)
    reach = int(SMOOTHING * fps / 2)
    extent, centre = _smooth(high - low, reach), _smooth((low + high) / 2, reach)
    height = extent[:, 1] * tracker.margin
    width = np.maximum(height * tracker.aspect, extent[:, 0] * 1.02)
    progress = np.linspace(-0.5, 0.5, len(points))[:, None] if len(points) > 1 else np.zeros((1, 1))
    wander = np.asarray(tracker.shift) + progress * np.asarray(tracker.drift)
    wander = wander + rng.normal(0, tracker.jitter, (len(points), 2))
    centre = centre + wander * height[:, None]
    intrinsics = np.zeros((len(points), 3, 3))
    intrinsics[:, 0, 0], intrinsics[:, 1, 1] = WIDTH / width, HEIGHT / height
    intrinsics[:, 0, 2] = WIDTH / 2 - centre[:, 0] * WIDTH / width
    intrinsics[:, 1, 2] = HEIGHT / 2 - centre[:, 1] * HEIGHT / height
    intrinsics[:, 2, 2] = 1
    return intrinsics


def _smooth(series: Floats, reach: int) -> Floats:
    """Moving mean of (T, D) over up to 2 * reach + 1 frames; the symmetric window shrinks towards the ends."""
    out = np.empty_like(series)
    for frame in range(len(series)):
        near = min(reach, frame, len(series) - 1 - frame)
        out[frame] = series[frame - near : frame + near + 1].mean(0)
    return out
