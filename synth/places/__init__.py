"""Draws places: each family in a file of its own, made of `ground`, `walls`, `things` and `light`."""

import numpy as np

from synth.place import Place
from synth.places.carpark import car_park_rand
from synth.places.corridor import corridor_rand
from synth.places.crossing import crossing_rand
from synth.places.hall import hall_rand
from synth.places.market import market_rand
from synth.places.occluders import occluders_rand
from synth.places.park import park_rand
from synth.places.plaza import plaza_rand
from synth.places.shops import shops_rand
from synth.places.station import station_rand
from synth.places.street import street_rand

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
"""Every family and its share. Two thirds are outdoors, as public re-identification sets are: Market-1501 and MARS are
a campus with market stalls, PRID2011 a crossing and a street, iLIDS an airport's hall."""


def place_rand(rng: np.random.Generator) -> Place:
    """Draw a place, without occluders."""
    families, shares = zip(*FAMILIES, strict=True)
    return families[rng.choice(len(families), p=shares)](rng)
