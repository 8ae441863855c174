"""A clip of the plan: all data that its pixels depend on, and its row and hash in plan.jsonl."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Hashable
from dataclasses import dataclass
from enum import IntEnum
from types import NoneType
from typing import Any, cast

import numpy as np

from alignnet_common.set_format import CAMERAS, GENERATOR_VERSION, CameraName, clip_name
from synth.animation.walk import Walk
from synth.cameras.camera import Camera
from synth.cameras.sensor import Sensor
from synth.cameras.tracker import Tracker
from synth.people.identity import Identity
from synth.scenes.elements import Place

NOISE_POWER = 0.65
"""The deviation of the render noise falls with this power of the number of samples, measured from 4 to 64 samples
(docs/benchmarks/rendering.md: 26.6, 34.5 and 41.8 dB); 0.5 would be that of samples that are drawn independently."""


class Purpose(IntEnum):
    """First number of a generator's key. The values are part of every plan: do not change them."""

    IDENTITY = 0
    VIEW = 1
    """Camera, sensor and scene."""
    CLIP = 2
    """Tracker, walk and occluding prop."""
    FRAMES = 3
    """Box jitter and sensor noise, drawn while rendering."""
    BYSTANDERS = 4
    NEAR_DUPLICATE = 5
    OUTFIT = 6
    """Outfit of a person beyond the first, by its number."""
    WORN = 7
    """Which outfit is worn in which sighting."""


@dataclass(frozen=True)
class Bystander:
    """A person in a sighting other than the one that the clip is labelled with."""

    identity: Identity
    walk: Walk
    offset: tuple[float, float]
    """(x, y) metres from the labelled person in the middle of the sighting."""


@dataclass(frozen=True)
class Sighting:
    """Consecutive frames of one person in front of one camera: one scene, one walk."""

    place: Place
    tracker: Tracker
    walk: Walk
    bystanders: tuple[Bystander, ...]
    frames: int
    fps: float
    """Frames a second."""
    outfit: int = 0
    """Number of the outfit that the person wears, from 0, see `Identity.outfits`."""


@dataclass(frozen=True)
class Clip:
    """One tracklet to render: all data that its pixels depend on."""

    camera_name: CameraName
    identity: Identity
    camera: Camera
    sensor: Sensor
    sightings: tuple[Sighting, ...]
    """In the order of the frames. A video clip has one."""
    samples: int
    denoise: bool
    seed: int
    noise_samples: int = 0
    """Samples per pixel whose noise the denoised frames keep; 0: none."""

    @property
    def kept_noise(self) -> float:
        """Share, 0..1, of the render noise that denoised frames keep."""
        return (self.samples / self.noise_samples) ** NOISE_POWER if self.noise_samples else 0.0

    @property
    def frames(self) -> int:
        """Number of frames of all sightings."""
        return sum(sighting.frames for sighting in self.sightings)

    @property
    def name(self) -> str:
        """Folder of the clip below multi_shot, such as "cam_a/person_0001"."""
        return clip_name(self.camera_name, self.identity.person)

    @property
    def outfits(self) -> list[int]:
        """Number of the outfit worn in each sighting."""
        return [sighting.outfit for sighting in self.sightings]

    def frame_rng(self) -> np.random.Generator:
        """Generator for the draws made while rendering: box jitter and sensor noise."""
        return generator(self.seed, Purpose.FRAMES, self.identity.person, CAMERAS.index(self.camera_name))


def generator(seed: int, *key: int) -> np.random.Generator:
    """Random generator of the set with this `seed` for this `key`: a Purpose, then numbers of person, camera, sighting.

    Generators of different keys are independent.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def plan_row(clip: Clip) -> dict[str, Any]:
    """The clip as a row of plan.jsonl: its record and, as "generator", the version of the generator that wrote it."""
    return {**clip_record(clip), "generator": GENERATOR_VERSION}


def clip_record(clip: Clip) -> dict[str, Any]:
    """What the pixels of a clip depend on: its name as "clip", then the fields of Clip, see `defaults_implied`."""
    return defaults_implied({"clip": clip.name, **plain(clip)})


def plain(value: Any) -> Any:
    """What `dataclasses.asdict` makes of a dataclass whose values are plain, in a fifth of its time."""
    kind = type(value)
    if kind in (float, str, int, bool, NoneType):
        return value
    if kind in (tuple, list):
        return kind([plain(item) for item in value])
    names = _names_of_fields(cast(Hashable, kind))
    return {name: plain(getattr(value, name)) for name in names} if names else value


@functools.cache
def _names_of_fields(kind: Hashable) -> tuple[str, ...]:
    """Names of the fields of a dataclass; empty for other types."""
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        return ()
    return tuple(field.name for field in dataclasses.fields(kind))


def defaults_implied(record: dict[str, Any]) -> dict[str, Any]:
    """A clip's record without `noise_samples` 0, empty `changes`, and the `outfit` 0 of a person with one outfit.

    Such a record equals that of a generator without these fields, so that sets rendered by one can be completed.
    """
    record = {name: value for name, value in record.items() if name != "noise_samples" or value}
    sightings = [
        {**sighting, "bystanders": [_one_outfit(each) for each in sighting["bystanders"]]}
        for sighting in record["sightings"]
    ]
    if not record["identity"].get("changes"):
        sightings = [{name: value for name, value in each.items() if name != "outfit" or value} for each in sightings]
    return {**_one_outfit(record), "sightings": sightings}


def _one_outfit(record: dict[str, Any]) -> dict[str, Any]:
    """The record of a clip or bystander without `identity.changes`, if there are none."""
    identity = record["identity"]
    if identity.get("changes"):
        return record
    return {**record, "identity": {name: value for name, value in identity.items() if name != "changes"}}


def plan_hash(clip: Clip) -> str:
    """Hex SHA-256 of the clip's row. A rendered clip whose stored hash differs belongs to another plan."""
    return row_hash(clip_record(clip))


def row_hash(row: dict[str, Any]) -> str:
    """Hex SHA-256 of a row of plan.jsonl without its field "generator", so that equal clips of two versions are equal.

    Integers are hashed as floats: 1 and 1.0 are the same number.
    """
    content = {name: value for name, value in row.items() if name != "generator"}
    return hashlib.sha256(json.dumps(_with_floats(content), sort_keys=True).encode()).hexdigest()


def _with_floats(value: Any) -> Any:
    """JSON-like values with a float in place of each integer; true and false stay."""
    kind = type(value)
    if kind in (float, str, bool, NoneType):
        return value
    if kind is dict:
        return {name: _with_floats(item) for name, item in value.items()}
    if kind in (tuple, list):
        return [_with_floats(item) for item in value]
    return float(value) if isinstance(value, int) else value
