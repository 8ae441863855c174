"""Families of scenes, one file for each, built from `ground`, `walls`, `props` and `lighting`."""

import numpy as np

from synth.scenes.elements import Place
from synth.scenes.families.car_park import car_park_rand
from synth.scenes.families.corridor import corridor_rand
from synth.scenes.families.crossing import crossing_rand
from synth.scenes.families.hall import hall_rand
from synth.scenes.families.market import market_rand
from synth.scenes.families.park import park_rand
from synth.scenes.families.plaza import plaza_rand
from synth.scenes.families.shops import shops_rand
from synth.scenes.families.station import station_rand
from synth.scenes.families.street import street_rand
from synth.scenes.occluders import occluders_rand

__all__ = ["FAMILIES", "occluders_rand", "place_rand"]

FAMILIES = (
    (street_rand, 0.16),
    (crossing_rand, 0.12),
    (plaza_rand, 0.12),
    (park_rand, 0.14),
    (market_rand, 0.09),
    (hall_rand, 0.1),
    (corridor_rand, 0.08),
    (shops_rand, 0.06),
    (station_rand, 0.06),
    (car_park_rand, 0.07),
)
"""Families and their probabilities. Two thirds are outdoors, as in public re-identification sets: Market-1501 and MARS
show a campus with market stalls, PRID2011 a crossing and a street, iLIDS-VID an airport hall."""


def place_rand(rng: np.random.Generator) -> Place:
    """Draw a scene without occluders."""
    families, shares = zip(*FAMILIES, strict=True)
    return families[rng.choice(len(families), p=shares)](rng)
