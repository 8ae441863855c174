"""Market-1501's training half as tracklets, with the faults of a tracker."""

import csv
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

NAME = re.compile(r"(?P<person>\d+)_c(?P<camera>\d)s(?P<sequence>\d)_.*\.jpg")

TRUTH = "truth.csv"
"""Persons of the tracklets, beside the folder that reid adapt reads: camera, track, person."""


@dataclass(frozen=True)
class Track:
    """Images of one tracklet."""

    camera: str
    person: int
    """The person, of a mixed tracklet that of its first half."""

    images: tuple[str, ...]


def market_tracks(names: Sequence[str]) -> list[Track]:
    """The tracklets of Market-1501's file names: person, camera and sequence, in this order."""
    groups: dict[tuple[int, str, str], list[str]] = defaultdict(list)
    for name in sorted(names):
        if found := NAME.fullmatch(name):
            groups[int(found["person"]), found["camera"], found["sequence"]].append(name)
    return [Track(f"c{camera}", person, tuple(images)) for (person, camera, _), images in sorted(groups.items())]


def some_persons(tracks: Sequence[Track], count: int | None, rng: np.random.Generator) -> list[Track]:
    """All tracklets of persons in random order, until there are `count`; all without `count`."""
    if count is None:
        return list(tracks)
    order = rng.permutation(sorted({track.person for track in tracks})).tolist()
    found: list[Track] = []
    for person in order:
        if len(found) < count:
            found += [track for track in tracks if track.person == person]
    return found


def mixed_tracks(tracks: Sequence[Track], share: float, rng: np.random.Generator) -> list[Track]:
    """The tracklets, of which some pairs of a camera have exchanged the second halves of their frames.

    share -- of the tracklets that are then of two persons.
    """
    found = list(tracks)
    for camera in sorted({track.camera for track in tracks}):
        members = [n for n, track in enumerate(tracks) if track.camera == camera and len(track.images) > 1]
        total = sum(track.camera == camera for track in tracks)
        chosen = rng.permutation(members)[: 2 * round(share * total / 2)].tolist()
        for one, other in zip(chosen[::2], chosen[1::2], strict=False):
            a, b = found[one], found[other]
            half, half_of_other = len(a.images) // 2, len(b.images) // 2
            found[one] = Track(camera, a.person, a.images[:half] + b.images[half_of_other:])
            found[other] = Track(camera, b.person, b.images[:half_of_other] + a.images[half:])
    return found


def broken_tracks(tracks: Sequence[Track], share: float, rng: np.random.Generator) -> list[Track]:
    """The tracklets, of which a share, or all with two frames or more, is broken in two."""
    members = [number for number, track in enumerate(tracks) if len(track.images) > 1]
    chosen = set(rng.permutation(members)[: round(share * len(tracks))].tolist())
    found: list[Track] = []
    for number, track in enumerate(tracks):
        half = len(track.images) // 2
        parts = (track.images[:half], track.images[half:]) if number in chosen else (track.images,)
        found += [Track(track.camera, track.person, images) for images in parts]
    return found


def with_wrong_cameras(tracks: Sequence[Track], share: float, rng: np.random.Generator) -> list[Track]:
    """The tracklets, of which a share is under the name of another camera, drawn at random.

    With a share of 1 - 1 / cameras the names say nothing.
    """
    cameras = sorted({track.camera for track in tracks})
    chosen = set(rng.permutation(len(tracks))[: round(share * len(tracks))].tolist())
    found = list(tracks)
    for number in sorted(chosen):
        others = [camera for camera in cameras if camera != tracks[number].camera]
        found[number] = replace(tracks[number], camera=others[rng.integers(len(others))])
    return found


def write_tracks(tracks: Sequence[Track], images: Path, out: Path) -> Path:
    """Make links out/tracks/camera/number/frame, and the persons in out/truth.csv; returns out/tracks."""
    root = out / "tracks"
    with (out / TRUTH).open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("camera", "track", "person"))
        for number, track in enumerate(tracks):
            folder = root / track.camera / f"{number:05d}"
            folder.mkdir(parents=True, exist_ok=True)
            table.writerow((track.camera, folder.name, track.person))
            for frame, name in enumerate(track.images):
                link = folder / f"{frame:04d}{Path(name).suffix}"
                if not link.is_symlink():
                    link.symlink_to((images / name).absolute())
    return root


def persons_of(truth: Path) -> dict[tuple[str, str], int]:
    """The person of each camera and track of a truth.csv."""
    return {(row["camera"], row["track"]): int(row["person"]) for row in rows_of(truth)}


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file by the names of its columns."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
