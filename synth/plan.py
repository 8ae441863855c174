"""The plan of a set: every identity, camera, place and clip as data, drawn from one seed before anything is rendered.

Each thing is drawn from its own generator, keyed by the seed, what it is, and its number. So the first clips of a set
do not change when more are asked for, and nothing depends on the order or the number of workers.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from synth.body import Phenotype, phenotype_rand
from synth.camera import Camera, Tracker, camera_rand, tracker_rand
from synth.carried import arms_of
from synth.config import RenderConfig
from synth.gait import GaitStyle, gait_rand
from synth.photometry import Sensor, sensor_rand
from synth.place import Place, occluders_rand, place_rand
from synth.twins import TWINS, Look, changed_look
from synth.wardrobe import Outfit, outfit_rand

CameraName = Literal["cam_a", "cam_b"]
CAMERAS: tuple[CameraName, ...] = ("cam_a", "cam_b")
_IDENTITY, _VIEW, _CLIP, _FRAMES, _TWIN = range(5)
"""What a generator is for: the second number of its key."""


@dataclass(frozen=True)
class Identity:
    """A person: the same wherever they are seen."""

    person: int
    """1, 2, …"""
    phenotype: Phenotype
    gait: GaitStyle
    outfit: Outfit
    twin_of: int | None = None
    """The person, of a lower number, that this one looks like in all but one thing; None for most."""
    differs_in: str | None = None
    """That thing: a name of `synth.twins.FACTORS`."""


@dataclass(frozen=True)
class Walk:
    """How the person passes the camera in one clip."""

    heading: float
    """Direction of walking in degrees about the vertical; 0 walks towards the camera, 90 to its right."""
    turn: float
    """Degrees a second that the path bends."""
    phase: float
    """Where in the stride the clip starts, 0..1."""


@dataclass(frozen=True)
class Clip:
    """One tracklet to render: all that its pixels depend on."""

    camera_name: CameraName
    identity: Identity
    camera: Camera
    sensor: Sensor
    place: Place
    tracker: Tracker
    walk: Walk
    frames: int
    fps: float
    samples: int
    seed: int

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


def make_plan(config: RenderConfig) -> list[Clip]:
    """The clips of a set: person by person, camera a before camera b."""
    return [make_clip(config, person, name) for person in range(1, config.ids + 1) for name in CAMERAS]


def identity_rand(rng: np.random.Generator, person: int) -> Identity:
    """Draw a person who is nobody's twin."""
    phenotype, gait = phenotype_rand(rng), gait_rand(rng)
    outfit = outfit_rand(rng, phenotype.gender, phenotype.age)
    if outfit.top.hem < 0 or outfit.bottom.kind == "skirt":
        # Arms hang outside wide clothes.
        gait = dataclasses.replace(gait, arm_spread=gait.arm_spread + 7.0)
    gait = dataclasses.replace(gait, arms=arms_of(outfit.carried, gait.arms))
    return Identity(person, phenotype, gait, outfit)


def make_identity(seed: int, person: int) -> Identity:
    """The person of this number in the set of `seed`: drawn afresh, or one of lower number with one thing changed."""
    rng = generator(seed, _TWIN, person)
    if person == 1 or rng.random() >= TWINS:
        return identity_rand(generator(seed, _IDENTITY, person), person)
    first = make_identity(seed, int(rng.integers(1, person)))
    look, factor = changed_look(rng, Look(first.phenotype, first.outfit))
    gait = dataclasses.replace(first.gait, arms=arms_of(look.outfit.carried, first.gait.arms))
    return Identity(person, look.phenotype, gait, look.outfit, twin_of=first.person, differs_in=factor)


def make_clip(config: RenderConfig, person: int, camera_name: CameraName) -> Clip:
    """The clip of one person before one camera."""
    number = CAMERAS.index(camera_name)
    view = (person - 1) % config.camera_pairs if config.camera_pairs else person
    view_rng = generator(config.seed, _VIEW, view, number)
    clip_rng = generator(config.seed, _CLIP, person, number)
    camera = camera_rand(view_rng)
    sensor = sensor_rand(view_rng)
    place = place_rand(view_rng)
    tracker = tracker_rand(clip_rng)
    walk = Walk(heading=clip_rng.uniform(-180, 180), turn=clip_rng.normal(0, 8), phase=clip_rng.uniform())
    if clip_rng.random() < config.occlusion:
        place = dataclasses.replace(place, occluders=occluders_rand(clip_rng, camera))
    return Clip(
        camera_name=camera_name,
        identity=make_identity(config.seed, person),
        camera=camera,
        sensor=sensor,
        place=place,
        tracker=tracker,
        walk=walk,
        frames=config.frames,
        fps=config.fps,
        samples=config.samples,
        seed=config.seed,
    )


def plan_row(clip: Clip) -> dict[str, Any]:
    """The clip as a row of plan.jsonl: its name first, then everything it depends on."""
    return {"clip": clip.name, **dataclasses.asdict(clip)}


def plan_hash(clip: Clip) -> str:
    """Hex SHA-256 of the clip's row: tells a finished clip of this plan from one of another."""
    return hashlib.sha256(json.dumps(plan_row(clip), sort_keys=True).encode()).hexdigest()
