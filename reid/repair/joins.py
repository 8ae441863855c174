"""Which tracks of one camera are parts of one track: one after another, within reach, and alike.

Two tracks that one camera sees at the same time are different persons. The similarity that a stated share of such pairs
exceeds is the threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alignnet_common.arrays import Floats

JITTER = 0.5
"""Distance in heights of the person that a box may jump without a gap."""

GROWTH = 1.5
"""Ratio of two heights of one person, at most, at both ends of a gap."""


@dataclass(frozen=True)
class Part:
    """A track, or a part of one, as joins see it."""

    start: float
    """Time of the first crop, seconds."""

    end: float
    """Time of the last crop."""

    first: tuple[float, float, float, float]
    """Left, top, width, height of the first box, pixels of the frame."""

    last: tuple[float, float, float, float]
    """The last box."""

    track: int
    """Number of the track that it was a part of."""

    place: int
    """Its place among the parts of this track, from 0."""


@dataclass(frozen=True)
class Reach:
    """What a join may bridge."""

    gap: float
    """Seconds between the end of one track and the start of the next, at most."""

    speed: float
    """Heights of a person that it moves in a second, at most."""


@dataclass(frozen=True)
class Join:
    """Two parts that are joined."""

    earlier: int
    later: int
    score: float
    """How alike they are."""


def within_reach(earlier: Part, later: Part, reach: Reach) -> bool:
    """Whether a person can be at the end of one part and then at the start of the other.

    Parts that were next to each other in one track are not: they have just been split.
    """
    gap = later.start - earlier.end
    if not 0 < gap <= reach.gap or (earlier.track == later.track and later.place == earlier.place + 1):
        return False
    heights = earlier.last[3], later.first[3]
    if max(heights) > GROWTH * min(heights):
        return False
    (x, y), (to_x, to_y) = centre(earlier.last), centre(later.first)
    return float(np.hypot(to_x - x, to_y - y)) <= (JITTER + reach.speed * gap) * max(heights)


def centre(box: tuple[float, float, float, float]) -> tuple[float, float]:
    """The centre x, y of a box."""
    left, top, width, height = box
    return left + width / 2, top + height / 2


def candidates(parts: Sequence[Part], reach: Reach) -> list[tuple[int, int]]:
    """Pairs of parts, the earlier first, that motion and time allow."""
    order = sorted(range(len(parts)), key=lambda number: parts[number].start)
    starts = np.array([parts[number].start for number in order])
    found = []
    for earlier, part in enumerate(parts):
        first = int(np.searchsorted(starts, part.end, side="right"))
        last = int(np.searchsorted(starts, part.end + reach.gap, side="right"))
        found += [(earlier, later) for later in order[first:last] if within_reach(part, parts[later], reach)]
    return found


def join_threshold(different: Sequence[float], rate: float) -> float:
    """The score that a share `rate` of pairs of different persons exceeds.

    different -- scores of pairs of tracks that are seen at the same time, at least one.
    """
    return float(np.quantile(np.asarray(different), 1 - rate, method="higher"))


def best_joins(pairs: Sequence[tuple[int, int]], scores: Floats, threshold: float) -> list[Join]:
    """The pairs above a threshold of which each part is the other's most similar candidate, before or after it.

    pairs -- of `candidates`. scores -- (K,) of them.
    """
    after: dict[int, int] = {}
    before: dict[int, int] = {}
    for number, (earlier, later) in enumerate(pairs):
        if earlier not in after or scores[number] > scores[after[earlier]]:
            after[earlier] = number
        if later not in before or scores[number] > scores[before[later]]:
            before[later] = number
    return [
        Join(earlier, later, float(scores[number]))
        for number, (earlier, later) in enumerate(pairs)
        if scores[number] > threshold and after[earlier] == number == before[later]
    ]


def chains(count: int, joins: Sequence[Join]) -> list[list[int]]:
    """The parts 0 … count - 1 as tracks, each its parts in order of time."""
    following = {join.earlier: join.later for join in joins}
    begun = set(range(count)) - set(following.values())
    found = []
    for first in sorted(begun):
        chain = [first]
        while chain[-1] in following:
            chain.append(following[chain[-1]])
        found.append(chain)
    return found
