"""Recall and precision of boxes, and IDF1 of tracks, against tracks that people have drawn.

    python -m benchmarks.search.track_quality --tracks tracks --camera vtest --truth gt.txt

IDF1: Ristani et al., ECCVW 2016, https://arxiv.org/abs/1609.01775. Boxes are matched as in the CLEAR MOT measures, but
each frame for itself: as many as possible with an intersection over union of at least `--overlap`.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from alignnet_common.arrays import Floats, Ints
from alignnet_common.cli import run_command
from alignnet_common.errors import UserError
from alignnet_common.files import write_json
from alignnet_common.options import bounded, check_ranges
from reid.inference.table import TRACKS_TABLE
from reid.tracks.boxes import read_boxes
from reid.tracks.supervision import rows_of
from reid.tracks.track import without_overlap

PROG = "python -m benchmarks.search.track_quality"


@dataclass(frozen=True)
class TrackQualityConfig:
    """Compare the tracks of a video with tracks that people have drawn."""

    tracks: Path
    """Folder of reid tracks, with tracks.csv."""

    truth: Path
    """MOTChallenge text: lines frame,id,left,top,width,height, frames from 1, boxes in pixels."""

    camera: str | None = None
    """Camera of the video. Default: the only one in the folder."""

    first: int = bounded(1, at_least=1)
    """First frame that is compared."""

    last: int | None = bounded(None, at_least=1)
    """Last frame that is compared. Default: the last one with a box in either."""

    overlap: float = bounded(0.5, at_least=0.01, at_most=1)
    """Intersection over union of two boxes of one person, at least."""

    out: Path | None = None
    """JSON file for the figures. Default: they are printed alone."""

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class Followed:
    """Boxes of one frame, each in a track."""

    tracks: Ints
    """(K,) numbers of their tracks."""

    sides: Floats
    """(K, 4) left, top, right, bottom in pixels."""


Sequence = Mapping[int, Followed]
"""The boxes of each frame that has any, by its number."""

NONE = Followed(np.zeros(0, np.int64), np.zeros((0, 4)))


@dataclass(frozen=True)
class Quality:
    """How well tracks agree with the truth."""

    true_boxes: int
    boxes: int
    matched: int
    """Boxes that are matched with one of the truth in their frame."""

    true_tracks: int
    tracks: int
    identity_matches: int
    """Boxes that are matched where each true track has at most one track, and each track at most one true track."""

    switches: int
    """Times that a true track is matched with another track than when it was last matched."""

    @property
    def recall(self) -> float:
        """Share of the true boxes that are matched, 0..1; NaN without any."""
        return self.matched / self.true_boxes if self.true_boxes else float("nan")

    @property
    def precision(self) -> float:
        """Share of the boxes that are matched, 0..1; NaN without any."""
        return self.matched / self.boxes if self.boxes else float("nan")

    @property
    def idf1(self) -> float:
        """2 IDTP / (2 IDTP + IDFP + IDFN), 0..1; NaN where there are no boxes at all."""
        both = self.true_boxes + self.boxes
        return 2 * self.identity_matches / both if both else float("nan")


def quality(found: Sequence, truth: Sequence, overlap: float = 0.5) -> Quality:
    """Compare the boxes and tracks of a video with the truth.

    overlap -- intersection over union of boxes that agree, at least.
    """
    common: dict[tuple[int, int], int] = defaultdict(int)
    last: dict[int, int] = {}
    matched = switches = 0
    for frame in sorted(truth.keys() | found.keys()):
        real, own = truth.get(frame, NONE), found.get(frame, NONE)
        agree = 1 - without_overlap(real.sides, own.sides)  # (true boxes, boxes)
        agree[agree < overlap] = 0
        for one, other in np.argwhere(agree > 0):
            common[int(real.tracks[one]), int(own.tracks[other])] += 1
        for one, other in zip(*linear_sum_assignment(-_as_many(agree)), strict=True):
            if agree[one, other] > 0:
                person, track = int(real.tracks[one]), int(own.tracks[other])
                matched += 1
                switches += last.get(person, track) != track
                last[person] = track
    return Quality(
        true_boxes=sum(len(each.tracks) for each in truth.values()),
        boxes=sum(len(each.tracks) for each in found.values()),
        matched=matched,
        true_tracks=len({int(track) for each in truth.values() for track in each.tracks}),
        tracks=len({int(track) for each in found.values() for track in each.tracks}),
        identity_matches=_best_of(common),
        switches=switches,
    )


def _as_many(agree: Floats) -> Floats:
    """Weights under which an assignment has as many pairs that agree as possible, and then the largest overlap."""
    return np.where(agree > 0, min(agree.shape) + agree, 0)


def _best_of(common: Mapping[tuple[int, int], int]) -> int:
    """Boxes in common under the best assignment of tracks to true tracks, one to one."""
    persons, tracks = sorted({one for one, _ in common}), sorted({other for _, other in common})
    counts = np.zeros((len(persons), len(tracks)))
    for (one, other), count in common.items():
        counts[persons.index(one), tracks.index(other)] = count
    return int(counts[linear_sum_assignment(-counts)].sum())


def read_truth(path: Path) -> Sequence:
    """The tracks of a MOTChallenge text file. Raises UserError on another file, and on boxes without a track."""
    found = {
        frame: Followed(boxes.tracks, boxes.sides.astype(float)) for frame, boxes in read_boxes(path, 0, 0).items()
    }
    if any((each.tracks < 0).any() for each in found.values()):
        raise UserError(f"{path}: boxes without a track (id -1)")
    return found


def read_tracks(folder: Path, camera: str | None) -> Sequence:
    """The tracks of a camera in a folder of reid tracks. Raises UserError where they are not there."""
    chosen: dict[int, list[tuple[float, ...]]] = defaultdict(list)
    for row in rows_of(folder / TRACKS_TABLE, camera):
        left, top, width, height = (float(row[side]) for side in ("x", "y", "w", "h"))
        chosen[int(row["frame"])].append((int(row["track"]), left, top, left + width, top + height))
    if not chosen:
        raise UserError(f"{folder / TRACKS_TABLE}: no tracks in it")
    arrays = {frame: np.array(some) for frame, some in chosen.items()}
    return {frame: Followed(some[:, 0].astype(np.int64), some[:, 1:]) for frame, some in arrays.items()}


def between(sequence: Sequence, first: int, last: int | None) -> Sequence:
    """The frames from `first` to `last`, both included."""
    end = max(sequence, default=0) if last is None else last
    return {frame: each for frame, each in sequence.items() if first <= frame <= end}


def measure(config: TrackQualityConfig) -> None:
    """Print the figures, and write them."""
    found, truth = read_tracks(config.tracks, config.camera), read_truth(config.truth)
    found, truth = (between(each, config.first, config.last) for each in (found, truth))
    result = quality(found, truth, config.overlap)
    shares = {name: round(getattr(result, name), 4) for name in ("recall", "precision", "idf1")}
    figures = asdict(result) | shares
    if config.out is not None:
        write_json(config.out, figures)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    run_command(measure, TrackQualityConfig, PROG)
