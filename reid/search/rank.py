"""The tracklets of an index by similarity to a query."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from alignnet_common.arrays import Singles
from alignnet_common.errors import UserError
from reid.configs.video.search import SearchConfig
from reid.index.false_matches import RateTable, best_table
from reid.index.store import Block, IndexRow, Store, Vectors
from reid.search.query import Query, cameras_of

SURE, HOPELESS = 0.1, 1.0
"""False matches that are expected among all searched tracklets: a hit with fewer than `SURE` is taken for the person,
one with more than `HOPELESS` is not; in between the answer is «unknown»."""


PAIRS_TO_DENY = 10_000
"""Pairs of tracklets, at least, of which the rates are made that call a hit hopeless: in a recording of few persons,
many of the pairs are of one person, and the rates are too high."""

SPARE = 50
"""Hits more than asked for that are compared in float32: float16 may change the order of close ones."""


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
    """Whether it is the person: see `SURE` and `HOPELESS`; None: unknown."""


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
    best: list[tuple[float, str, int, Block]] = []
    spans: dict[str, list[float]] = {camera: [] for camera in cameras}
    count = 0
    for block in store.blocks():
        if block.rows[0].camera not in cameras:
            continue
        scores = similarities(block.vectors(), query.vector)
        places = [place for place, row in enumerate(block.rows) if wanted(row, query, config)]
        count += len(places)
        for row in block.rows:
            spans[row.camera] += [time for time in (row.start, row.end) if time is not None]
        order = sorted(places, key=lambda place: -float(scores[place]))[: config.top_k + SPARE]
        best += [(float(scores[place]), block.rows[place].name, place, block) for place in order]
        best = sorted(best, key=lambda hit: (-hit[0], hit[1]))[: config.top_k + SPARE]
    seconds = [max(times) - min(times) for times in spans.values() if times]
    hours = sum(seconds) / 3600 if len(seconds) == len(spans) and sum(seconds) > 0 else None
    searched = Searched(count, cameras, hours)
    hits = [hit_of(place, block, query, tables, searched) for _, _, place, block in best]
    return sorted(hits, key=lambda hit: (-hit.score, hit.row.name))[: config.top_k], searched


def similarities(vectors: Vectors, query: Singles) -> Singles:
    """Cosines (N,) of descriptors (N, D) float16 and a query (D,), both of length 1, with the error of float16."""
    found: Singles = torch.mv(torch.from_numpy(np.array(vectors)), torch.from_numpy(query).half()).float().numpy()
    return found


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


def wanted(row: IndexRow, query: Query, config: SearchConfig) -> bool:
    """Whether a tracklet is searched: not the query's own, and in the window of time. One without times is in it."""
    if query.row is not None and row.digest == query.row.digest and row.source == query.row.source:
        return False
    late = config.before is not None and row.start is not None and row.start > config.before
    early = config.after is not None and row.end is not None and row.end < config.after
    return not (late or early)


def hit_of(
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
    score = float(vector @ query.vector)
    table = best_table(tables, query.camera, row.camera)
    rate = None if table is None else table.rate(score)
    alarms = None if rate is None or searched.hours is None else rate * searched.tracklets / searched.hours
    return Hit(
        row,
        score,
        vector,
        block.thumbnail(row),
        rate,
        alarms,
        answer(rate, searched.tracklets, 0 if table is None else table.pairs),
    )


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
