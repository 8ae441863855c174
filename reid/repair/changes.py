"""Where a track changes from one person to another, and how unlike its two sides must be.

The similarity of a place in a track is the cosine between the mean descriptors of some crops before it and after it.
A track is judged by its least similar place. Tracks of one person have some distribution F0 of that least similarity,
mixed tracks another, F1, and the tracks that there are have F = (1 - p) F0 + p F1, with a share p of mixed ones.
F is known, and F1 too, without a label: two tracks that one camera sees at the same time are different persons, so
the first half of one and the second half of the other make a mixed track. p is at most F / F1 everywhere, which gives
p, then F0, then the similarity below which the stated share of tracks of one person would be split.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alignnet_common.arrays import Floats, Ints, Singles

ENOUGH = 0.3
"""The share p is read where at least this share of mixed tracks is less similar: below, F / F1 is of few tracks."""

BLOCK = 1024
"""Places of a track that are compared at a time: a track may be hours long."""

MOST_MIXED = 0.5
"""An estimate of p from here on means that the descriptors do not tell persons apart."""


@dataclass(frozen=True)
class Sides:
    """Which described crops are compared at a place of a track."""

    window: int
    """Crops on each side, at most."""

    least: int
    """Crops on each side, at least."""

    guard: int
    """Crops next to the place that are left out on each side, at most: while two persons cross, both are in them."""


@dataclass(frozen=True)
class Place:
    """The least similar place of a track."""

    position: int
    """Number of crops before it."""

    score: float
    """Cosine between both sides, -1 to 1."""


@dataclass(frozen=True)
class Threshold:
    """A limit of a score, and what is expected of it."""

    score: float
    """Tracks at or below it are split."""

    mixed: float
    """Estimated share of mixed tracks."""

    found: float
    """Share of mixed tracks that are split, estimated on those made of two tracks."""

    false: float
    """Share of tracks of one person that are split, estimated."""

    tracks: int
    """Tracks that the estimates are made of."""

    made: int
    """Mixed tracks that were made for them."""


def similarities(rows: Singles, sides: Sides) -> Floats:
    """The similarity (N + 1,) of each place of a track, by the number of crops before it; infinite where a side is too
    short.

    rows -- descriptors (N, D) of its crops in order, of length 1, from which the mean of the camera is subtracted.
    """
    found = np.full(len(rows) + 1, np.inf)
    reach = max(sides.window, sides.least) + sides.guard
    for first in range(sides.least, len(rows) - sides.least + 1, BLOCK):
        places = np.arange(first, min(first + BLOCK, len(rows) - sides.least + 1))
        start = max(0, first - reach)
        some = rows[start : places[-1] + reach]
        found[places] = _of_places(some, places - start, sides, len(rows) - start)
    return found


def _of_places(rows: Singles, places: Ints, sides: Sides, count: int) -> Floats:
    """The similarities of some places among rows that reach as far around them as sides do; `count` is the number of
    crops to the end of the track, the first of `rows` included."""
    sums = np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0, dtype=np.float64)])
    ends = places - np.minimum(sides.guard, places - sides.least)
    starts = places + np.minimum(sides.guard, count - places - sides.least)
    before = sums[ends] - sums[np.maximum(0, ends - sides.window)]
    after = sums[np.minimum(len(rows), starts + sides.window)] - sums[starts]
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    found: Floats = (before * after).sum(axis=1) / np.maximum(lengths, np.finfo(np.float64).tiny)
    return found


def least_similar(rows: Singles, sides: Sides) -> Place | None:
    """The least similar place of a track; None where it is too short for one.

    With a guard, all places of a crossing are alike: of those within the guard, the one with the least similarity
    between its next crops is taken.
    """
    found = similarities(rows, sides)
    position = int(found.argmin())
    if not np.isfinite(found[position]):
        return None
    score = float(found[position])
    if sides.guard:
        close = similarities(rows, Sides(sides.window, sides.least, 0))
        first, last = max(0, position - sides.guard), min(len(rows), position + sides.guard)
        position = first + int(close[first : last + 1].argmin())
    return Place(position, score)


def made_of_two(one: Singles, other: Singles) -> Singles:
    """A mixed track: the first half of one track (N, D), and the second half of another."""
    return np.concatenate([one[: (len(one) + 1) // 2], other[len(other) // 2 :]])


def split_threshold(tracks: Sequence[float], made: Sequence[float], rate: float) -> Threshold | None:
    """The largest score at which at most a share `rate` of the tracks of one person is expected to be split.

    tracks -- least similarities of all tracks. made -- those of mixed tracks, see `made_of_two`. None where no score
    has so low a rate, and where the two are hardly different.
    """
    ascending, mixed = np.sort(tracks), np.sort(made)
    following = np.append(ascending, np.inf)  # just below it, one score fewer is exceeded
    share = np.arange(len(ascending) + 1) / len(ascending)
    of_mixed = np.searchsorted(mixed, following, side="left") / len(mixed)
    read = of_mixed >= ENOUGH
    part = float((share[read] / of_mixed[read]).min())
    if part >= MOST_MIXED:
        return None
    of_one = (share - part * of_mixed) / (1 - part)
    low = np.flatnonzero((of_one <= rate) & (share > 0))
    if not len(low):
        return None
    last = int(low[-1])
    score = ascending[last - 1] if last == len(ascending) else (ascending[last - 1] + ascending[last]) / 2
    return Threshold(
        float(score), part, float((mixed <= score).mean()), max(0.0, float(of_one[last])), len(ascending), len(mixed)
    )


def cuts(rows: Singles, sides: Sides, score: float) -> list[Place]:
    """The places at which a track is split, in order: the least similar one, then those of its parts.

    score -- places at or below it are split.
    """
    place = least_similar(rows, sides)
    if place is None or place.score > score:
        return []
    before = cuts(rows[: place.position], sides, score)
    after = cuts(rows[place.position :], sides, score)
    return [*before, place, *(Place(place.position + each.position, each.score) for each in after)]
