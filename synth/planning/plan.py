"""The plan of a set: every identity, camera, place and clip as data, drawn from one seed before anything is rendered.

Each thing is drawn from its own generator, keyed by the seed, what it is, and its number. So the first clips of a set
do not change when more are asked for, and nothing depends on the order or the number of workers.
"""

import dataclasses
import functools
from collections.abc import Collection
from typing import Any

import numpy as np
from tqdm import tqdm

from synth.animation.retargeting import Recording, recordings
from synth.animation.walk import Walk, walk_rand
from synth.cameras.camera import Camera, camera_rand
from synth.cameras.sensor import sensor_rand
from synth.cameras.tracker import tracker_rand
from synth.people.accessories import arms_of
from synth.people.identity import Identity, identity_rand
from synth.people.near_duplicates import TWINS, Look, changed_look
from synth.planning.bystanders import PASSING, bystanders_rand, passer_rand, surroundings
from synth.planning.clearance import STAY, TRIES, Spot, outlines, paths, stay
from synth.planning.clip import (
    _CLIP,
    _COMPANY,
    _IDENTITY,
    _TWIN,
    _VIEW,
    CAMERAS,
    Bystander,
    CameraName,
    Clip,
    Sighting,
    generator,
)
from synth.planning.config import RenderConfig
from synth.planning.factors import (
    FLATTENED,
    PLAIN_CAMERA,
    PLAIN_SENSOR,
    PLAIN_TRACKER,
    Factor,
    bare,
    plain_fabrics,
    plain_garments,
    plain_light,
    plain_place,
    plain_walk,
)
from synth.scenes.elements import Place
from synth.scenes.families import occluders_rand, place_rand


def make_plan(config: RenderConfig) -> list[Clip]:
    """The clips of a set, or of its part by --shard: person by person, camera a before camera b.

    Raises UserError for a bad --motion.
    """
    motions = recordings(config.motion) if config.motion else ()
    people = [person for person in range(1, config.ids + 1) if config.part is None or config.part.holds(person)]
    bar = tqdm(people, desc="plan", unit="person", delay=3.0, leave=False)
    return [make_clip(config, person, name, motions) for person in bar for name in CAMERAS]


def make_identity(seed: int, person: int, lacking: Collection[Factor] = ()) -> Identity:
    """The person of this number in the set of `seed`: drawn afresh, or, but for a set that lacks "twins", one of lower
    number with one thing changed; afresh, too, where that thing is of the variety that the set lacks, since two people
    would look the same."""
    return _identity(seed, person, frozenset(lacking))


@functools.lru_cache(maxsize=10_000)
def _identity(seed: int, person: int, lacking: frozenset[Factor]) -> Identity:
    afresh = generator(seed, _IDENTITY, person)
    number, rng = first_rand(seed, person)
    if number is None or "twins" in lacking:
        return identity_rand(afresh, person)
    first = _identity(seed, number, lacking)
    kin = [
        _identity(seed, other, lacking) for other in range(1, person) if original(seed, other) == original(seed, person)
    ]
    known = [Look(one.phenotype, one.outfit) for one in kin]
    look, factor = changed_look(rng, Look(first.phenotype, first.outfit))
    while look in known:  # a hat taken off again, or by two of them
        look, factor = changed_look(rng, Look(first.phenotype, first.outfit))
    if FLATTENED.get(factor) in lacking:
        return identity_rand(afresh, person)
    gait = dataclasses.replace(first.gait, arms=arms_of(look.outfit.carried, first.gait.arms))
    return Identity(person, look.phenotype, gait, look.outfit, twin_of=first.person, differs_in=factor)


def first_rand(seed: int, person: int) -> tuple[int | None, np.random.Generator]:
    """The person of lower number in whose likeness this one is made, None for most; the generator of what differs."""
    rng = generator(seed, _TWIN, person)
    twin = person > 1 and rng.random() < TWINS
    return int(rng.integers(1, person)) if twin else None, rng


@functools.cache
def original(seed: int, person: int) -> int:
    """Whose likeness it is in the end: of a twin, of a twin's twin; the person's own where they are nobody's."""
    first, _ = first_rand(seed, person)
    return person if first is None else original(seed, first)


def bystander_rand(rng: np.random.Generator, spot: Spot) -> Bystander:
    """Draw somebody who goes straight on at `spot`."""
    walk = dataclasses.replace(walk_rand(rng), heading=spot.heading, turn=0.0)
    return Bystander(identity_rand(rng, 0), walk, spot.offset)


def make_clip(config: RenderConfig, person: int, camera_name: CameraName, motions: tuple[Recording, ...] = ()) -> Clip:
    """The clip of one person before one camera, walking by their own gait or as recorded in one of `motions`."""
    number = CAMERAS.index(camera_name)
    view = (person - 1) % config.camera_pairs if config.camera_pairs else person
    view_rng = generator(config.seed, _VIEW, view, number)
    camera = camera_rand(view_rng)
    sensor = sensor_rand(view_rng)
    sightings = []
    for time, frames in enumerate(config.frames_of_sightings):
        # What belongs to the first does not depend on how many follow.
        later = (time,) if time else ()
        place = place_rand(generator(config.seed, _VIEW, view, number, *later) if later else view_rng)
        rng, company_rng = (generator(config.seed, of, person, number, *later) for of in (_CLIP, _COMPANY))
        # Who and what else is there hides the person or is taken for them: in the first sighting alone.
        sightings.append(make_sighting(config, rng, None if later else company_rng, camera, place, frames, motions))
    clip = Clip(
        camera_name=camera_name,
        identity=make_identity(config.seed, person, config.without),
        camera=camera,
        sensor=sensor,
        sightings=tuple(sightings),
        samples=config.samples,
        denoise=config.denoise,
        seed=config.seed,
    )
    return without(clip, config.without)


def make_sighting(
    config: RenderConfig,
    rng: np.random.Generator,
    company_rng: np.random.Generator | None,
    camera: Camera,
    place: Place,
    frames: int,
    motions: tuple[Recording, ...],
) -> Sighting:
    """Somebody's walk before a camera at a place, in so many frames, with something in the way at the chance that
    `config` says. Other people are drawn from `company_rng`, all else from `rng`; None: nobody else, and nothing in the
    way."""
    tracker = tracker_rand(rng)
    walk = roomy_walk_rand(rng, motions, camera, place, frames / config.frames_a_second(STAY[0], frames))
    occluded = bool(rng.random() < config.occlusion) and company_rng is not None
    place, spots, seconds = surround(config, rng, company_rng, camera, place, walk, frames, occluded)
    return Sighting(
        place=place,
        tracker=tracker,
        walk=walk,
        bystanders=() if company_rng is None else tuple(bystander_rand(company_rng, spot) for spot in spots),
        frames=frames,
        fps=config.frames_a_second(seconds, frames),
    )


def roomy_walk_rand(
    rng: np.random.Generator, motions: tuple[Recording, ...], camera: Camera, place: Place, seconds: float
) -> Walk:
    """Draw a walk of so many seconds for which there is room at `place`, or of TRIES that which has room for longest.

    Every place has room for any walk of STAY[0] seconds: the first that is drawn then serves.
    """
    walks = [walk_rand(rng, motions, seconds)]
    if seconds <= STAY[0] or walks[0].take:  # where a recording goes is not known here
        return walks[0]
    things = outlines(place.solids)
    rooms = [stay(camera, walks[0], things, longest=seconds)]
    while rooms[-1] < seconds and len(walks) < TRIES:
        walks.append(walk_rand(rng, motions, seconds))
        rooms.append(stay(camera, walks[-1], things, longest=seconds))
    return walks[int(np.argmax(rooms))]


def surround(
    config: RenderConfig,
    rng: np.random.Generator,
    company_rng: np.random.Generator | None,
    camera: Camera,
    place: Place,
    walk: Walk,
    frames: int,
    occluded: bool,
) -> tuple[Place, list[Spot], float]:
    """Draw what else is in a sighting: the place, with what hides the person where they are `occluded` by a thing;
    where other people are, one of them passing by where the person is occluded by them; and for how many seconds there
    is room for all that. Things are drawn from `rng`, people from `company_rng`; None: there are none."""
    things = outlines(place.solids)
    asked = frames / config.frames_a_second(STAY[0], frames)
    # Where a recording goes is not known here.
    seconds = STAY[0] if walk.take else stay(camera, walk, things)
    around = surroundings(camera, walk, frames / config.frames_a_second(seconds, frames), things)
    spots = [] if company_rng is None else bystanders_rand(company_rng, around)
    passer = None
    if occluded and company_rng is not None and company_rng.random() < PASSING:
        passer = passer_rand(company_rng, around, spots)
    if passer is not None:
        spots = [*spots, passer]
    elif occluded:
        path = paths(Spot((0.0, 0.0), walk.heading), np.linspace(-STAY[0], STAY[0], 31) / 2, walk.turn)[-1]
        for _ in range(TRIES):  # the first, where a clip is short
            place = dataclasses.replace(place, occluders=occluders_rand(rng, camera, path))
            if stay(camera, walk, things, outlines(place.occluders), longest=asked) >= asked:
                break
        seconds = min(seconds, stay(camera, walk, things, outlines(place.occluders)))
    if not {"views", "motions"}.isdisjoint(config.without):
        # Nor is it known what room there is before a plain camera, or for a plain walk.
        seconds = STAY[0]
    return place, spots, seconds


def without(clip: Clip, factors: Collection[Factor]) -> Clip:
    """The clip with each of `factors` at one plain value; twins and sightings are left out where they are drawn."""
    return dataclasses.replace(
        clip,
        identity=plainer(clip.identity, factors),
        camera=PLAIN_CAMERA if "views" in factors else clip.camera,
        sensor=PLAIN_SENSOR if "sensors" in factors else clip.sensor,
        sightings=tuple(_plainer_sighting(sighting, factors) for sighting in clip.sightings),
    )


def _plainer_sighting(sighting: Sighting, factors: Collection[Factor]) -> Sighting:
    plain: dict[str, Any] = {}
    if "crops" in factors:
        plain["tracker"] = PLAIN_TRACKER
    if "motions" in factors:
        plain["walk"] = plain_walk(sighting.walk)
    place, others = sighting.place, sighting.bystanders
    if "company" in factors:
        place, others = dataclasses.replace(place, occluders=()), ()
    if "lights" in factors:
        place = plain_light(place)
    if "places" in factors:
        place = plain_place(place)
    others = tuple(
        dataclasses.replace(
            other,
            identity=plainer(other.identity, factors),
            walk=plain_walk(other.walk) if "motions" in factors else other.walk,
        )
        for other in others
    )
    return dataclasses.replace(sighting, place=place, bystanders=others, **plain)


def plainer(identity: Identity, factors: Collection[Factor]) -> Identity:
    """The person with each of `factors` that belongs to people at one plain value."""
    outfit, gait = identity.outfit, identity.gait
    if "garments" in factors:
        outfit = plain_garments(outfit)
    if "patterns" in factors:
        outfit = plain_fabrics(outfit)
    if "accessories" in factors:
        outfit = bare(outfit)
        gait = dataclasses.replace(gait, arms=("swing", "swing"))
    return dataclasses.replace(identity, outfit=outfit, gait=gait)
