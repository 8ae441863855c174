"""Persons who come back, found by a search: ranks of their later tracks for a box of the person before.

    python -m benchmarks.search.returns --video v.avi --tracks tracks --index index --truth gt.txt --same 1=19 2=13

A track belongs to the person whose true boxes it overlaps in most frames, or to nobody. Where a person has no track for
`--seconds` and then one again, the true box in the middle of the last track before is the query, as in `reid search
--video --time --box`, among all tracks that end later. A hit is right if it is a later track of the person. Chance is
the same hits in random order.
"""

import itertools
import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np

from alignnet_common.cli import run_command
from alignnet_common.errors import UserError
from alignnet_common.files import write_json
from alignnet_common.options import bounded, check_ranges, option
from benchmarks.search import track_quality
from benchmarks.search.track_quality import Followed, read_tracks, read_truth
from reid.configs.video.search import SearchConfig
from reid.index.calibration import read_tables
from reid.index.store import Store
from reid.inference.table import TRACKS_TABLE
from reid.reporting.markdown import markdown_table
from reid.search.query import query_of
from reid.search.rank import search_index
from reid.tracks.supervision import rows_of
from reid.tracks.track import without_overlap

FIRST = (1, 5, 10)
"""Numbers of hits that somebody looks at."""

ALL = 1000
"""Hits of a search, at most."""


@dataclass(frozen=True)
class ReturnsConfig:
    """Search for persons who come back, by a box before they went."""

    video: Path
    """The video."""

    tracks: Path
    """Folder of reid tracks or reid repair."""

    index: Path
    """Index of these tracks."""

    truth: Path
    """MOTChallenge text: lines frame,id,left,top,width,height, frames from 1, boxes in pixels."""

    camera: str | None = None
    """Camera of the video. Default: the only one in the folder of tracks."""

    same: list[str] = option(default_factory=list)
    """Numbers of one person in --truth, such as 1=19: files of truth may number those anew who come back."""

    seconds: float = bounded(2.0, at_least=0.1)
    """Time without a track of the person, at least."""

    overlap: float = bounded(0.5, at_least=0.01, at_most=1)
    """Intersection over union of two boxes of one person, at least."""

    out: Path | None = None
    """JSON file for the figures and each return. Default: they are printed alone."""

    device: str = "cpu"
    """Device of the network."""

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class Return:
    """A person without a track for a while, and with one again."""

    person: int

    left: bool
    """Whether the person was out of the frame for `--seconds`; else only the tracks were missing."""

    track: int
    """The last track before."""

    end: float
    """Time of its last frame, seconds."""

    start: float
    """Time of the first frame of the next track."""

    time: float
    """Of the query, seconds."""

    box: tuple[float, ...]
    """Of the query: left, top, width, height in pixels."""


@dataclass(frozen=True)
class Ranked:
    """Hits of one search."""

    hits: int

    right: int
    """Hits that are later tracks of the person, at least 1."""

    rank: int
    """Of the first of them, from 1."""

    def by_chance(self, first: int) -> float:
        """Probability that one of the `first` hits is right, if their order is random."""
        few = min(first, self.hits)
        return 1 - math.comb(self.hits - self.right, few) / math.comb(self.hits, few)

    @property
    def rank_by_chance(self) -> float:
        """Expected rank of the first right hit, if their order is random."""
        return (self.hits + 1) / (self.right + 1)


def joined(truth: track_quality.Sequence, same: Sequence[str]) -> dict[int, Followed]:
    """The truth with one number a person, the first of those of `same`. Raises UserError on numbers that it has not."""
    number: dict[int, int] = {}
    there = {int(person) for each in truth.values() for person in each.tracks}
    for group in same:
        words = group.split("=")
        if not all(word.strip().isdecimal() and int(word) in there for word in words):
            raise UserError(f"--same {group}: not numbers of persons in --truth, such as 1=19")
        number |= dict.fromkeys(map(int, words), int(words[0]))
    return {
        frame: Followed(np.array([number.get(int(person), int(person)) for person in each.tracks]), each.sides)
        for frame, each in truth.items()
    }


def agreeing(
    found: track_quality.Sequence, truth: track_quality.Sequence, overlap: float
) -> dict[int, dict[int, list[int]]]:
    """Frames in which boxes of a track and of a person agree, by track and person."""
    frames: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for frame in sorted(found.keys() & truth.keys()):
        agree = 1 - without_overlap(truth[frame].sides, found[frame].sides) >= overlap
        for one, other in np.argwhere(agree):
            frames[int(found[frame].tracks[other])][int(truth[frame].tracks[one])].append(frame)
    return frames


def owners(agree: Mapping[int, Mapping[int, Sequence[int]]]) -> dict[int, int]:
    """The person of each track that agrees with any: with whom it does in most frames."""
    return {track: max(sorted(some), key=lambda person: len(some[person])) for track, some in agree.items()}


def returns_of(
    found: track_quality.Sequence,
    truth: track_quality.Sequence,
    times: Mapping[int, float],
    seconds: float,
    overlap: float,
) -> list[Return]:
    """Each time that a person has a track again, after `seconds` or more without.

    times -- of the frames with tracks, seconds.
    """
    agree = agreeing(found, truth, overlap)
    frames_of: dict[int, list[int]] = defaultdict(list)
    for frame, each in sorted(found.items()):
        for track in each.tracks:
            frames_of[int(track)].append(frame)
    tracks: dict[int, list[int]] = defaultdict(list)
    for track, person in owners(agree).items():
        tracks[person].append(track)
    found_returns = []
    for person, some in sorted(tracks.items()):
        some.sort(key=lambda track: frames_of[track])
        last = some[0]
        for track in some[1:]:
            end, start = frames_of[last][-1], frames_of[track][0]
            if times[start] - times[end] >= seconds:
                seen = agree[last][person]
                frame = seen[len(seen) // 2]
                sides = truth[frame].sides[truth[frame].tracks.tolist().index(person)]
                box = (*sides[:2].tolist(), *(sides[2:] - sides[:2]).tolist())
                left = is_out(person, truth, end, start, seconds * (start - end) / (times[start] - times[end]))
                found_returns.append(Return(person, left, last, times[end], times[start], times[frame], box))
            if frames_of[track][-1] > frames_of[last][-1]:
                last = track
    return found_returns


def is_out(person: int, truth: track_quality.Sequence, end: int, start: int, most: float) -> bool:
    """Whether there is no true box of a person in `most` successive frames between two."""
    there = [frame for frame in range(end, start + 1) if frame in truth and person in truth[frame].tracks]
    edges = [end, *there, start]
    return max(after - before for before, after in itertools.pairwise(edges)) >= most


def ranked(names: Sequence[int], person: int, owner: Mapping[int, int], later: Sequence[bool]) -> Ranked:
    """Rank of the first right one of hits that are named by their tracks, most similar first.

    later -- whether each begins after the last track before the return.
    """
    right = [owner.get(name) == person and after for name, after in zip(names, later, strict=True)]
    return Ranked(len(right), sum(right), right.index(True) + 1)


def measure(config: ReturnsConfig) -> None:
    """Print the table of all returns, and of those from outside the frame; write each."""
    rows = rows_of(config.tracks / TRACKS_TABLE, config.camera)
    if not rows:
        raise UserError(f"{config.tracks / TRACKS_TABLE}: no tracks in it")
    camera, times = rows[0]["camera"], {int(row["frame"]): float(row["time"]) for row in rows}
    found, truth = read_tracks(config.tracks, camera), joined(read_truth(config.truth), config.same)
    owner = owners(agreeing(found, truth, config.overlap))
    results = [
        (each, *searched(config, camera, each, owner))
        for each in returns_of(found, truth, times, config.seconds, config.overlap)
    ]
    cells = []
    record: dict[str, Any] = {"tracks": len({row["track"] for row in rows}), "returns": []}
    for name, of_all in (("out of the frame", False), ("all", True)):
        chosen = [pair for each, *pair in results if each.left or of_all]
        for place, which in enumerate(("hits", "hits that are not seen at the same time")):
            some = [pair[place] for pair in chosen]
            if some:
                cells.append([f"{name}, {which}", *summary(some)])
    for each, every, later in results:
        record["returns"].append(asdict(each) | {"all": asdict(every), "later": asdict(later)})
        print(
            f"person {each.person}, {each.end:.1f} to {each.start:.1f} s: rank {every.rank} of {every.hits}, "
            f"--time {each.time:.1f} --box {','.join(f'{side:.0f}' for side in each.box)}"
        )
    record["table"] = cells
    if config.out is not None:
        write_json(config.out, record)
    head = [
        "",
        "returns",
        "hits",
        "right",
        *(f"in the first {first} (chance)" for first in FIRST),
        "median rank (chance)",
    ]
    print(markdown_table(head, cells) if cells else json.dumps(record))


def searched(config: ReturnsConfig, camera: str, each: Return, owner: Mapping[int, int]) -> tuple[Ranked, Ranked]:
    """Ranks among all hits, and among those that begin after the last track before the return."""
    store = Store(config.index)
    asked = SearchConfig(
        config.index,
        video=config.video,
        time=each.time,
        box=list(each.box),
        camera=camera,
        cameras=[camera],
        after=each.end + 1e-6,  # the last track before is left out
        top_k=ALL,
        device=config.device,
    )
    hits, _ = search_index(store, query_of(store, asked), read_tables(store), asked)
    if any(hit.row.start is None for hit in hits):
        raise UserError(f"{config.index}: tracklets without times")
    names = [int(hit.row.track) for hit in hits]
    later = [hit.row.start is not None and hit.row.start > each.end for hit in hits]
    if not any(after and owner.get(name) == each.person for name, after in zip(names, later, strict=True)):
        raise UserError(f"{config.index}: is not of the tracks in {config.tracks}")
    kept = [name for name, after in zip(names, later, strict=True) if after]
    return ranked(names, each.person, owner, later), ranked(kept, each.person, owner, [True] * len(kept))


def summary(some: Sequence[Ranked]) -> list[str]:
    """Cells of the table."""
    shares = [
        f"{sum(each.rank <= first for each in some)} ({sum(each.by_chance(first) for each in some):.1f})"
        for first in FIRST
    ]
    means = [f"{mean(numbers):.1f}" for numbers in ([each.hits for each in some], [each.right for each in some])]
    middle = f"{median(each.rank for each in some):g} ({median(each.rank_by_chance for each in some):.1f})"
    return [str(len(some)), *means, *shares, middle]


if __name__ == "__main__":
    run_command(measure, ReturnsConfig, "python -m benchmarks.search.returns")
