"""The tracklets of an index by similarity to a query."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from alignnet_common.arrays import Bools, Floats, Singles
from alignnet_common.errors import UserError
from reid.configs.video.search import SearchConfig
from reid.index.false_matches import RateTable, best_table
from reid.index.store import Block, IndexRow, Store, times_of
from reid.search.nearest import top_k
from reid.search.own import at_once
from reid.search.query import Query, cameras_of

SURE, HOPELESS = 0.1, 1.0
"""False matches that are expected among all searched tracklets: a hit with fewer than `SURE` is taken for the person,
one with more than `HOPELESS` is not; in between the answer is «unknown»."""


PAIRS_TO_DENY = 10_000
"""Pairs of tracklets, at least, of which the rates are made that call a hit hopeless: in a recording of few persons,
many of the pairs are of one person, and the rates are too high."""


@dataclass(frozen=True)
class Hit:
    """A tracklet that looks like the query."""

    row: IndexRow

    score: float
    """Cosine similarity, -1 to 1."""

    vector: Singles
    """(D,) of length 1."""

    picture: bytes
    """JPEG file."""

    false_match_rate: float | None
    """Share of other persons' tracklets of this camera that are more similar; None where it is not known."""

    false_alarms_per_hour: float | None
    """Such tracklets an hour of the searched cameras together; None where times or rates are not known."""

    same: bool | None
    """Whether it is the person: see `SURE` and `HOPELESS`; None: unknown. False where `at_once`."""

    at_once: bool | None
    """Whether its camera sees it and the query's own tracklet at the same time: then it is another person. None where
    not known."""


@dataclass(frozen=True)
class Searched:
    """What a search has looked at."""

    tracklets: int
    cameras: tuple[str, ...]

    hours: float | None
    """Of the recordings of these cameras, from the first to the last tracklet of each, added up; None where times are
    not known."""


def search_index(
    store: Store, query: Query, tables: Mapping[tuple[str, str], RateTable], config: SearchConfig
) -> tuple[list[Hit], Searched]:
    """The best hits, most similar first, without the query's own tracklet. Raises UserError on an unknown camera."""
    cameras = asked_cameras(store, config)
    blocks = [block for block in store.blocks() if block.camera in cameras]
    times = [block.times() for block in blocks]
    allowed = [in_window(some, config) for some in times]
    own = query.row is not None and query.row.camera in cameras and bool(in_window(times_of([query.row]), config)[0])
    hours = hours_of([block.camera for block in blocks], times)
    searched = Searched(sum(int(mask.sum()) for mask in allowed) - own, cameras, hours)
    found = top_k(query.vector[None], blocks, config.top_k + own, allowed)
    starts = np.cumsum([0, *map(len, times)])
    hits = []
    for score, row in zip(found.scores[0].tolist(), found.rows[0].tolist(), strict=True):
        number = int(np.searchsorted(starts, row, side="right")) - 1
        block, place = blocks[number], row - int(starts[number])
        if not is_own(block.rows[place], query):
            hits.append(hit_of(score, place, block, query, tables, searched))
    return sorted(hits, key=lambda hit: (-hit.score, hit.row.name))[: config.top_k], searched


def hours_of(cameras: Sequence[str], times: Sequence[Floats]) -> float | None:
    """Hours of the recordings, from the first to the last time of each camera, added up; None where not known.

    cameras, times -- of each block.
    """
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    for camera, some in zip(cameras, times, strict=True):
        known = some[np.isfinite(some)]
        if len(known):
            first[camera] = min(first.get(camera, np.inf), float(known.min()))
            last[camera] = max(last.get(camera, -np.inf), float(known.max()))
    seconds = sum(last[camera] - first[camera] for camera in first)
    return seconds / 3600 if set(first) == set(cameras) and seconds > 0 else None


def asked_cameras(store: Store, config: SearchConfig) -> tuple[str, ...]:
    """The cameras that are searched. Raises UserError on one that is not in the index, and where none is left."""
    there = cameras_of(store)
    if not there:
        raise UserError(f"{store.folder}: an empty index: add tracklets (reid index TRACKS… --index {store.folder})")
    unknown = next((name for name in (*config.cameras, *config.not_cameras) if name not in there), None)
    if unknown is not None:
        raise UserError(f"camera {unknown}: not in {store.folder} (cameras: {', '.join(sorted(there))})")
    left = tuple(sorted(set(config.cameras or there) - set(config.not_cameras)))
    if not left:
        raise UserError("--not-cameras leaves no camera to search")
    return left


def is_own(row: IndexRow, query: Query) -> bool:
    """Whether a tracklet is the query itself."""
    return query.row is not None and row.digest == query.row.digest and row.source == query.row.source


def in_window(times: Floats, config: SearchConfig) -> Bools:
    """Mask (N,) of the tracklets with times (N, 2) that are in the window of time. Those without times are in it."""
    first, last = config.window
    late, early = times[:, 0] > last, times[:, 1] < first
    kept: Bools = ~(late | early)
    return kept


def hit_of(
    score: float,
    place: int,
    block: Block,
    query: Query,
    tables: Mapping[tuple[str, str], RateTable],
    searched: Searched,
) -> Hit:
    """A hit with what its score means."""
    row = block.rows[place]
    vector = np.array(block.vectors()[place], np.float32)
    vector /= np.linalg.norm(vector)
    table = best_table(tables, query.camera, row.camera)
    rate = None if table is None else table.rate(score)
    alarms = None if rate is None or searched.hours is None else rate * searched.tracklets / searched.hours
    together = at_once(row, query.own)
    same = False if together else answer(rate, searched.tracklets, 0 if table is None else table.pairs)
    return Hit(row, score, vector, block.thumbnail(row), rate, alarms, same, together)


def answer(rate: float | None, tracklets: int, pairs: int) -> bool | None:
    """Whether a hit is the person, from its false match rate, the number of tracklets that were searched, and the
    number of pairs that the rate is made of."""
    if rate is None:
        return None
    expected = rate * tracklets
    if expected < SURE:
        return True
    return False if expected > HOPELESS and pairs >= PAIRS_TO_DENY else None


def between(hits: Sequence[Hit]) -> list[list[float]]:
    """Cosines of all pairs of hits, to re-rank by those that are confirmed."""
    vectors = np.stack([hit.vector for hit in hits]) if hits else np.zeros((0, 1), np.float32)
    found: list[list[float]] = np.round(vectors @ vectors.T, 4).tolist()
    return found
