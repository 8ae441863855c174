"""What is split and joined: pure, of described tracks."""

import itertools
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

import numpy as np

from alignnet_common.arrays import Singles
from reid.adapt.clustering.apart import seen_together
from reid.configs.video.repair import RepairConfig
from reid.repair.changes import Place, Sides, Threshold, cuts, least_similar, made_of_two, split_threshold
from reid.repair.describe import Described, directions
from reid.repair.joins import Part, Reach, best_joins, candidates, chains, join_threshold
from reid.repair.table import Track

FEWEST = 30
"""Pairs of tracks that are seen at the same time, at least: of fewer, nothing can be said of different persons."""

MOST = 2000
"""Such pairs that are compared, at most, drawn at random."""


@dataclass(frozen=True)
class Split:
    """A track that is cut in two."""

    track: Track
    """As it was."""

    crops: int
    """Its crops before the cut."""

    score: float
    """Cosine between both sides."""


@dataclass(frozen=True)
class Piece:
    """A track between two cuts."""

    track: Track
    """Its crops, under the name of the track that they were in."""

    mean: Singles
    """(D,) mean direction of its descriptors."""

    first: Singles
    """(D,) mean direction of its first descriptors."""

    last: Singles
    """(D,) mean direction of its last descriptors."""

    part: Part


@dataclass(frozen=True)
class Joined:
    """Two pieces that are now in one track."""

    name: str
    """Of the track."""

    earlier: Track
    """The piece, under the name of the track that it was in."""

    later: Track
    score: float
    """See `likeness`."""

    @property
    def gap(self) -> float:
        """Seconds between them."""
        return self.later.span[0] - self.earlier.span[1]


@dataclass(frozen=True)
class JoinThreshold:
    """A limit of the similarity of two tracks."""

    score: float
    pairs: int
    """Pairs of different persons that it is made of."""


@dataclass(frozen=True)
class CameraPlan:
    """What becomes of the tracks of a camera."""

    tracks: tuple[Track, ...]
    """The repaired tracks, by name."""

    splits: tuple[Split, ...]

    joins: tuple[Joined, ...]

    pairs: int
    """Pairs that time and motion allow to join."""


@dataclass(frozen=True)
class Plan:
    """What becomes of all tracks."""

    cameras: Mapping[str, CameraPlan]

    split: Threshold | None
    """None: nothing is split."""

    join: JoinThreshold | None
    """None: nothing is joined."""

    together: int
    """Pairs of tracks that are seen at the same time."""


def plan(described: Mapping[str, Sequence[Described]], config: RepairConfig) -> Plan:
    """Split all tracks, then join what is left, each by one threshold for all cameras."""
    rng = np.random.default_rng(0)
    sides = Sides(config.window, config.side, config.guard)
    pairs = {camera: together([each.track for each in some]) for camera, some in described.items()}
    count = sum(len(some) for some in pairs.values())
    enough = count >= FEWEST
    split = threshold_of_splits(described, pairs, sides, config.false_splits, rng) if enough else None
    pieces, splits = {}, {}
    for camera, some in described.items():
        places = [[] if split is None else cuts(each.rows, sides, split.score) for each in some]
        pieces[camera] = [
            piece for number, each in enumerate(some) for piece in cut(number, each, places[number], config.window)
        ]
        splits[camera] = [
            Split(each.track, each.boundary(place.position), place.score)
            for each, own in zip(some, places, strict=True)
            for place in own
        ]
    join = threshold_of_joins(pieces, config.false_joins, rng)
    reach = Reach(config.gap, config.speed)
    cameras = {camera: joined(some, splits[camera], reach, join) for camera, some in pieces.items()}
    return Plan(cameras, split, join, count)


def together(tracks: Sequence[Track]) -> list[tuple[int, int]]:
    """Pairs of tracks of one camera that are seen at the same time."""
    spans = np.array([track.span for track in tracks]).reshape(-1, 2)
    found = seen_together(np.zeros(len(tracks), np.int64), spans).tocoo()
    return [(one, other) for one, other in zip(found.row.tolist(), found.col.tolist(), strict=True) if one < other]


def threshold_of_splits(
    described: Mapping[str, Sequence[Described]],
    pairs: Mapping[str, Sequence[tuple[int, int]]],
    sides: Sides,
    rate: float,
    rng: np.random.Generator,
) -> Threshold | None:
    """The threshold, of all tracks that are long enough and of mixed ones made of pairs; None: nothing is split."""
    if not rate:
        return None
    found = [least_similar(each.rows, sides) for some in described.values() for each in some]
    made: list[Place | None] = []
    for camera, one, other in drawn(pairs, rng):
        rows = described[camera][one].rows, described[camera][other].rows
        if min(map(len, rows)) > 1:
            made.append(least_similar(made_of_two(*rows), sides))
    scores, of_made = ([place.score for place in some if place is not None] for some in (found, made))
    return split_threshold(scores, of_made, rate) if scores and len(of_made) >= FEWEST else None


def threshold_of_joins(
    pieces: Mapping[str, Sequence[Piece]], rate: float, rng: np.random.Generator
) -> JoinThreshold | None:
    """The threshold, of pairs of pieces that are seen at the same time; None: nothing is joined."""
    pairs = {camera: together([piece.track for piece in some]) for camera, some in pieces.items()}
    scores = [likeness(pieces[camera][one], pieces[camera][other]) for camera, one, other in drawn(pairs, rng)]
    if not rate or len(scores) < FEWEST:
        return None
    return JoinThreshold(join_threshold(scores, rate), len(scores))


def drawn(pairs: Mapping[str, Sequence[tuple[int, int]]], rng: np.random.Generator) -> list[tuple[str, int, int]]:
    """At most `MOST` of the pairs of all cameras, each in a random order."""
    flat = [(camera, *pair) for camera, some in pairs.items() for pair in some]
    chosen = [flat[number] for number in rng.permutation(len(flat))[:MOST].tolist()]
    turned = rng.random(len(chosen)) < 0.5
    return [
        (camera, other, one) if turn else (camera, one, other)
        for (camera, one, other), turn in zip(chosen, turned.tolist(), strict=True)
    ]


def likeness(earlier: Piece, later: Piece) -> float:
    """How alike two pieces are, as wholes and where they meet, whichever is less: a piece that mixes persons unseen is
    joined with none of them at its wrong end."""
    return float(min(earlier.mean @ later.mean, earlier.last @ later.first))


def cut(number: int, described: Described, places: Sequence[Place], window: int) -> list[Piece]:
    """The pieces of a track, which is the `number`th of its camera.

    window -- described crops at both ends of a piece that are compared, at most.
    """
    crops, rows = described.track.crops, described.rows
    ends = [0, *(described.boundary(place.position) for place in places), len(crops)]
    of_rows = [0, *(place.position for place in places), len(rows)]
    found = []
    for place, (first, last, row, to_row) in enumerate(zip(ends, ends[1:], of_rows, of_rows[1:], strict=False)):
        some = crops[first:last]
        part = Part(some[0].time, some[-1].time, some[0].box, some[-1].box, number, place)
        own = rows[row:to_row]
        mean, start, end = directions(np.stack([each.sum(axis=0) for each in (own, own[:window], own[-window:])]))
        found.append(Piece(replace(described.track, crops=some), mean, start, end, part))
    return found


def joined(
    pieces: Sequence[Piece], splits: Sequence[Split], reach: Reach, threshold: JoinThreshold | None
) -> CameraPlan:
    """The tracks of a camera: its pieces, joined where they are alike and within reach."""
    parts = [piece.part for piece in pieces]
    pairs = candidates(parts, reach) if threshold is not None else []
    scores = np.array([likeness(pieces[earlier], pieces[later]) for earlier, later in pairs], np.float64)
    joins = [] if threshold is None else best_joins(pairs, scores, threshold.score)
    chained = chains(len(pieces), joins)
    names = new_names([pieces[chain[0]] for chain in chained], {piece.track.name for piece in pieces})
    tracks = [
        replace(
            pieces[chain[0]].track, name=name, crops=tuple(crop for each in chain for crop in pieces[each].track.crops)
        )
        for chain, name in zip(chained, names, strict=True)
    ]
    name_of = {each: name for chain, name in zip(chained, names, strict=True) for each in chain}
    ordered = tuple(sorted(tracks, key=lambda track: track.name))
    told = tuple(
        Joined(name_of[join.earlier], pieces[join.earlier].track, pieces[join.later].track, join.score)
        for join in joins
    )
    return CameraPlan(ordered, tuple(splits), told, len(pairs))


def new_names(firsts: Sequence[Piece], known: AbstractSet[str]) -> list[str]:
    """Names of tracks by their first pieces: that of the track of which it is the first piece, else the next number
    that is not `known`."""
    numbers = [name for name in known if name.isdecimal()]
    width = max(map(len, numbers), default=4)
    following = itertools.count(max(map(int, numbers), default=0) + 1)
    return [f"{next(following):0{width}d}" if piece.part.place else piece.track.name for piece in firsts]
