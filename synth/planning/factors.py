"""Factors of variation, and how a clip looks without one: `--without` of synth.render.

The factor is replaced by one plain value after everything is drawn: a set without it has the same people, walks, scenes
and cameras as the set with it, apart from that factor. `benchmarks.transfer` measures the worth of each factor on
real cameras.
"""

import dataclasses
from collections.abc import Collection
from typing import Any, Literal

from synth.animation.walk import Walk
from synth.cameras.camera import Camera
from synth.cameras.sensor import Sensor
from synth.cameras.tracker import Tracker
from synth.people.identity import Identity
from synth.people.outfit import Bottom, Outfit, Top
from synth.planning.clip import Bystander, Clip, Sighting
from synth.scenes.elements import Light, Place, Surface

Factor = Literal[
    "sensors",
    "views",
    "crops",
    "places",
    "lights",
    "company",
    "garments",
    "patterns",
    "accessories",
    "motions",
    "sightings",
    "twins",
]
"""Factors that can be left out.

sensors: photometric character of a camera. views: height, pitch and distance of a camera. crops: detector noise of a
bounding box. places: ground, walls and props of a scene. lights: sun, weather, lamps, shadows. company: bystanders and
occluders. garments: cuts and lengths. patterns: stripes, checks, prints. accessories: bags, umbrellas, phones, hats,
hoods, scarves. motions: turning, stopping, standing and talking; in clips longer than two seconds people then go
straight on, even through obstacles beside the curve. sightings: several sightings of a person by a camera. twins:
near-duplicates.
"""

HIDDEN_BY: dict[str, Factor] = {
    "top pattern": "patterns",
    "top print": "patterns",
    "headwear": "accessories",
    "carried": "accessories",
}
"""Differences of near-duplicates (names of `synth.people.near_duplicates.FACTORS`) that cannot be seen without the
factor."""

PLAIN_SENSOR = Sensor(
    exposure=-0.35,
    auto_white=0.8,
    white_balance=(1.0, 1.0, 1.0),
    contrast=1.0,
    gamma=1.0,
    black_level=0.0,
    saturation=1.0,
    vignette=(0.0, 0.0),
    source_height=128.0,
    blur=0.0,
    motion_blur=0.0,
    sharpen=0.0,
    noise=0.0,
    codec="jpeg",
    loss=20,
)
PLAIN_CAMERA = Camera(distance=8.0, pitch=12.0, roll=0.0, target_height=0.9)
PLAIN_TRACKER = Tracker(margin=1.07, aspect=0.44, shift=(0.0, 0.0), drift=(0.0, 0.0), jitter=0.0)
PLAIN_GROUND = Surface("plain", (0.28, 0.28, 0.27), (0.28, 0.28, 0.27), 1.0, 0.9, wear=0.0)
PLAIN_LIGHT = Light(
    sun=0.5,
    sun_colour=(1.0, 1.0, 1.0),
    sun_elevation=55.0,
    sun_azimuth=40.0,
    sun_size=20.0,
    sky=0.9,
    sky_colour=(0.92, 0.96, 1.0),
    horizon_colour=(0.9, 0.9, 0.9),
    lamps=(),
)


def leave_out(clip: Clip, factors: Collection[Factor]) -> Clip:
    """The clip with each of `factors` at its plain value. "twins" and "sightings" are left out where they are drawn."""
    return dataclasses.replace(
        clip,
        identity=plain_identity(clip.identity, factors),
        camera=PLAIN_CAMERA if "views" in factors else clip.camera,
        sensor=PLAIN_SENSOR if "sensors" in factors else clip.sensor,
        sightings=tuple(plain_sighting(sighting, factors) for sighting in clip.sightings),
    )


def plain_sighting(sighting: Sighting, factors: Collection[Factor]) -> Sighting:
    """The sighting with each of `factors` at its plain value."""
    plain: dict[str, Any] = {}
    if "crops" in factors:
        plain["tracker"] = PLAIN_TRACKER
    if "motions" in factors:
        plain["walk"] = plain_walk(sighting.walk)
    place, bystanders = sighting.place, sighting.bystanders
    if "company" in factors:
        place, bystanders = dataclasses.replace(place, occluders=()), ()
    if "lights" in factors:
        place = plain_light(place)
    if "places" in factors:
        place = plain_place(place)
    bystanders = tuple(plain_bystander(bystander, factors) for bystander in bystanders)
    return dataclasses.replace(sighting, place=place, bystanders=bystanders, **plain)


def plain_bystander(bystander: Bystander, factors: Collection[Factor]) -> Bystander:
    """The bystander with each of `factors` at its plain value."""
    identity = plain_identity(bystander.identity, factors)
    walk = plain_walk(bystander.walk) if "motions" in factors else bystander.walk
    return dataclasses.replace(bystander, identity=identity, walk=walk)


def plain_identity(identity: Identity, factors: Collection[Factor]) -> Identity:
    """The identity with each of `factors` that concerns people at its plain value."""
    gait, changes = identity.gait, identity.changes
    if "accessories" in factors:
        gait = dataclasses.replace(gait, arms=("swing", "swing"))
        changes = tuple(dataclasses.replace(change, arms=("swing", "swing")) for change in changes)
    changes = tuple(dataclasses.replace(each, outfit=plain_outfit(each.outfit, factors)) for each in changes)
    return dataclasses.replace(identity, outfit=plain_outfit(identity.outfit, factors), gait=gait, changes=changes)


def plain_outfit(outfit: Outfit, factors: Collection[Factor]) -> Outfit:
    """The outfit with each of `factors` that concerns clothes at its plain value."""
    if "garments" in factors:
        outfit = plain_garments(outfit)
    if "patterns" in factors:
        outfit = plain_fabrics(outfit)
    return without_accessories(outfit) if "accessories" in factors else outfit


def plain_place(place: Place) -> Place:
    """The scene as a bare grey plane in the same light. Lamps of a room keep their strength."""
    return dataclasses.replace(place, ground=PLAIN_GROUND, solids=())


def plain_light(place: Place) -> Place:
    """The scene on a bright overcast day. A room has neither walls nor ceiling then, which would shut the light out."""
    solids = () if place.light.indoors else place.solids
    return dataclasses.replace(place, solids=solids, light=PLAIN_LIGHT, shades=())


def plain_walk(walk: Walk) -> Walk:
    """A straight walk with the same heading, phase and recording."""
    return Walk(walk.heading, 0.0, walk.phase, take=walk.take)


def plain_garments(outfit: Outfit) -> Outfit:
    """A closed jumper and long trousers in the fabrics of the outfit, no tights."""
    top = Top("jumper", 0.96, 0.1, 1.02, 0.018, 0.0, outfit.top.fabric, outfit.top.under, "none")
    bottom = Bottom("trousers", 0.97, 0.012, 0.015, outfit.bottom.fabric)
    return dataclasses.replace(outfit, top=top, bottom=bottom, tights=None)


def plain_fabrics(outfit: Outfit) -> Outfit:
    """The outfit without patterns and prints: each garment in its main colour."""
    top, bottom = (
        dataclasses.replace(garment.fabric, pattern="plain", print=None) for garment in (outfit.top, outfit.bottom)
    )
    return dataclasses.replace(
        outfit,
        top=dataclasses.replace(outfit.top, fabric=top),
        bottom=dataclasses.replace(outfit.bottom, fabric=bottom),
    )


def without_accessories(outfit: Outfit) -> Outfit:
    """The outfit without headwear, hood, scarf and carried accessories."""
    top = dataclasses.replace(outfit.top, hood="none")
    return dataclasses.replace(outfit, top=top, headwear=None, scarf=None, carried=())
