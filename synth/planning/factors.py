"""Leaves one factor of variety out of a set, all else equal: what does it buy on real cameras?

`benchmarks/transfer.py` measures it. Nothing is drawn here, so that a set without a factor has the same people, walks,
places and cameras as the set with it, but for that factor.
"""

import dataclasses
from typing import Literal

from synth.animation.walk import Walk
from synth.cameras.camera import Camera
from synth.cameras.sensor import Sensor
from synth.cameras.tracker import Tracker
from synth.people.outfit import Bottom, Outfit, Top
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
"""sensors: a camera's photometric character. views: its height, pitch and distance. crops: a tracker's misfits.
places: ground, walls, things. lights: sun, weather, lamps, shadows. company: other people, and things in the way.
garments: cuts and lengths. patterns: stripes, checks, prints. accessories: carried things, hats, hoods, scarves.
motions: bends, stops, standing, talking (in clips of more than two seconds people then go straight on, whatever stands
beside their bends). sightings: a camera sees a person again, elsewhere. twins: near-duplicates."""

FLATTENED: dict[str, Factor] = {
    "top pattern": "patterns",
    "top print": "patterns",
    "headwear": "accessories",
    "carried": "accessories",
}
"""What a twin may differ in (`synth.people.near_duplicates.FACTORS`), and the factor without which that cannot be
seen."""

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


def plain_place(place: Place) -> Place:
    """Nothing but a grey plane, in the same light; rooms and their lamps stay as bright as they were."""
    return dataclasses.replace(place, ground=PLAIN_GROUND, solids=())


def plain_light(place: Place) -> Place:
    """The same place on a bright, clouded day. A room loses its lamps, and so its walls and ceiling must go."""
    solids = () if place.light.indoors else place.solids
    return dataclasses.replace(place, solids=solids, light=PLAIN_LIGHT, shades=())


def plain_walk(walk: Walk) -> Walk:
    """Straight on, the same way."""
    return Walk(walk.heading, 0.0, walk.phase, take=walk.take)


def plain_garments(outfit: Outfit) -> Outfit:
    """The same colours on a closed jumper and long trousers."""
    top = Top("jumper", 0.96, 0.1, 1.02, 0.018, 0.0, outfit.top.fabric, outfit.top.under, "none")
    bottom = Bottom("trousers", 0.97, 0.012, 0.015, outfit.bottom.fabric)
    return dataclasses.replace(outfit, top=top, bottom=bottom, tights=None)


def plain_fabrics(outfit: Outfit) -> Outfit:
    """The same clothes, each of one colour."""
    top, bottom = (
        dataclasses.replace(garment.fabric, pattern="plain", print=None) for garment in (outfit.top, outfit.bottom)
    )
    return dataclasses.replace(
        outfit,
        top=dataclasses.replace(outfit.top, fabric=top),
        bottom=dataclasses.replace(outfit.bottom, fabric=bottom),
    )


def bare(outfit: Outfit) -> Outfit:
    """The same clothes, with nothing carried and nothing on the head or round the neck."""
    top = dataclasses.replace(outfit.top, hood="none")
    return dataclasses.replace(outfit, top=top, headwear=None, scarf=None, carried=())
