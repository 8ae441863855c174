"""A clip of the plan: everything that its pixels depend on, and its row and hash in plan.jsonl."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from synth.animation.walk import Walk
from synth.cameras.camera import Camera
from synth.cameras.sensor import Sensor
from synth.cameras.tracker import Tracker
from synth.people.identity import Identity
from synth.scenes.elements import Place

CameraName = Literal["cam_a", "cam_b"]


CAMERAS: tuple[CameraName, ...] = ("cam_a", "cam_b")


_IDENTITY, _VIEW, _CLIP, _FRAMES, _COMPANY, _TWIN = range(6)
"""What a generator is for: the second number of its key."""


@dataclass(frozen=True)
class Bystander:
    """Somebody else in a sighting: seen, but not who the clip is of."""

    identity: Identity
    walk: Walk
    offset: tuple[float, float]
    """(x, y) metres from the person in the middle of the sighting."""


@dataclass(frozen=True)
class Sighting:
    """One time that a person comes by before a camera: frames that follow each other."""

    place: Place
    tracker: Tracker
    walk: Walk
    bystanders: tuple[Bystander, ...]
    frames: int
    fps: float
    """Frames a second."""


@dataclass(frozen=True)
class Clip:
    """One tracklet to render: all that its pixels depend on."""

    camera_name: CameraName
    identity: Identity
    camera: Camera
    sensor: Sensor
    sightings: tuple[Sighting, ...]
    """One after the other; a clip of video is one."""
    samples: int
    denoise: bool
    seed: int

    @property
    def frames(self) -> int:
        """Frames of the clip."""
        return sum(sighting.frames for sighting in self.sightings)

    @property
    def name(self) -> str:
        """ "cam_a/person_0001": the clip's folder below multi_shot."""
        return f"{self.camera_name}/person_{self.identity.person:04d}"

    def frame_rng(self) -> np.random.Generator:
        """The generator of what is drawn while rendering: jitter of the crop and noise of the sensor."""
        return generator(self.seed, _FRAMES, self.identity.person, CAMERAS.index(self.camera_name))


def generator(seed: int, *key: int) -> np.random.Generator:
    """The generator of the thing named by `key` in the set of `seed`."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def plan_row(clip: Clip) -> dict[str, Any]:
    """The clip as a row of plan.jsonl: its name first, then everything it depends on."""
    return {"clip": clip.name, **dataclasses.asdict(clip)}


def plan_hash(clip: Clip) -> str:
    """Hex SHA-256 of the clip's row: tells a finished clip of this plan from one of another."""
    return row_hash(plan_row(clip))


def row_hash(row: dict[str, Any]) -> str:
    """Hex SHA-256 of a row of plan.jsonl; 1 and 1.0 are the same number."""
    numbers = json.loads(json.dumps(row), parse_int=float)
    return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()
