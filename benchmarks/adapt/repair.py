"""python -m benchmarks.adapt.repair: faults of a tracker that reid repair finds, on Market-1501's training half."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alignnet_common.cli import run_command
from alignnet_common.files import write_json
from alignnet_common.options import bounded, check_ranges
from benchmarks.adapt.tracks import NAME, broken_tracks, market_tracks, mixed_tracks, some_persons
from benchmarks.adapt.tracks import Track as Images
from benchmarks.workers.subprocesses import check_market
from reid.configs.video.repair import RepairConfig
from reid.inference.describer import load
from reid.repair.describe import described
from reid.repair.plan import Plan, plan
from reid.repair.table import Crop, Track

FRAMES_A_SECOND = 25.0

STEP = 2.0
"""Seconds between the halves of a mixed track: the usual time between two images of a tracklet."""

APART = 1e6
"""Seconds between two sequences of a camera."""

BOX = (0.0, 0.0, 64.0, 128.0)
"""Of every crop: the data set does not say where the persons were, so that motion allows all joins."""


@dataclass(frozen=True)
class RepairBenchmarkConfig:
    """Mix and break tracklets of Market-1501's training half, repair them, and count what was found."""

    market: Path
    """Folder of Market-1501, which contains bounding_box_train."""

    out: Path = Path("runs/repair-market")
    """Folder for repair.json, and for the descriptors of an interrupted run."""

    weights: str = "small"
    """Network that describes."""

    tracklets: int = bounded(1160, at_least=50)
    """Number of tracklets, all those of some persons."""

    mixed: float = bounded(0.2, at_least=0, at_most=1)
    """Share of tracklets in which the second half of the frames is of another person of the same camera."""

    broken: float = bounded(0.3, at_least=0, at_most=1)
    """Share of tracklets that are broken in two, of which none is mixed."""

    false_splits: float = RepairConfig.false_splits
    """As in reid repair."""

    false_joins: float = RepairConfig.false_joins
    """As in reid repair."""

    gap: float = 10.0
    """Seconds between two tracklets that are joined, at most: images are two seconds apart."""

    seed: int = 0
    """Of the persons and the faults."""

    def __post_init__(self) -> None:
        check_ranges(self)


def measure(config: RepairBenchmarkConfig) -> None:
    """Print the counts for mixed, for broken, and for both kinds of tracklets, and write repair.json."""
    check_market(config.market)
    images = config.market / "bounding_box_train"
    names = sorted(path.name for path in images.iterdir())
    options = repair_options(config, images)
    describer = load(config.weights)
    config.out.mkdir(parents=True, exist_ok=True)
    found = {}
    for mixed, broken in ((config.mixed, 0.0), (0.0, config.broken)):
        tracks = faulty(names, config.tracklets, mixed, broken, config.seed)
        with described(tracks, images, describer, options) as rows:
            found[f"mixed {mixed:g}, broken {broken:g}"] = counts(tracks, plan(rows, options), config.gap)
    for name, some in found.items():
        print(f"{name}: {some}")
    write_json(config.out / "repair.json", found)


def repair_options(config: RepairBenchmarkConfig, images: Path) -> RepairConfig:
    """The options of reid repair: with few images of a tracklet, sides may have one, and there is no guard."""
    return RepairConfig(
        images,
        config.out,
        config.weights,
        false_splits=config.false_splits,
        false_joins=config.false_joins,
        gap=config.gap,
        side=1,
        guard=0,
    )


def faulty(names: Sequence[str], tracklets: int, mixed: float, broken: float, seed: int) -> dict[str, list[Track]]:
    """Tracklets of Market-1501's file names with faults, by camera, with times by the numbers of their frames."""
    rng = np.random.default_rng(seed)
    whole = some_persons(market_tracks(names), tracklets, rng)
    found: dict[str, list[Track]] = {}
    for number, track in enumerate(broken_tracks(mixed_tracks(whole, mixed, rng), broken, rng)):
        crops = tuple(Crop(time, BOX, {"path": name}) for time, name in zip(times(track), track.images, strict=True))
        found.setdefault(track.camera, []).append(Track(track.camera, f"{number:05d}", crops))
    return found


def times(track: Images) -> list[float]:
    """The time of each image in seconds, ascending; the other person of a mixed tracklet follows the first."""
    found: list[float] = []
    shift = 0.0
    for before, name in zip((None, *track.images), track.images, strict=False):
        time = time_of(name)
        if before is not None and person_of(before) != person_of(name):
            shift = found[-1] + STEP - time
        found.append(time + shift)
    return found


def time_of(name: str) -> float:
    """Seconds of an image by its name: sequence and number of the frame."""
    found = NAME.fullmatch(name)
    assert found is not None
    return APART * int(found["sequence"]) + int(name.split("_")[2]) / FRAMES_A_SECOND


def person_of(name: str) -> int:
    """The person of an image by its name."""
    found = NAME.fullmatch(name)
    assert found is not None
    return int(found["person"])


def change_of(track: Track) -> int:
    """Number of crops before the other person of a mixed tracklet; 0: it is of one person."""
    persons = [person_of(crop.path) for crop in track.crops]
    return next((place for place in range(1, len(persons)) if persons[place] != persons[place - 1]), 0)


def counts(tracks: Mapping[str, Sequence[Track]], found: Plan, gap: float) -> dict[str, Any]:
    """How many faults there are and were found, and what was changed wrongly.

    gap -- seconds, see `RepairBenchmarkConfig`.
    """
    changes = {track.name: change_of(track) for some in tracks.values() for track in some}
    split: dict[str, list[int]] = {name: [] for name in changes}
    for camera in found.cameras.values():
        for each in camera.splits:
            split[each.track.name].append(each.crops)
    mixed = [name for name, change in changes.items() if change]
    near = [name for name in mixed if any(abs(place - changes[name]) <= 1 for place in split[name])]
    person = {track.name: person_of(track.crops[0].path) for some in tracks.values() for track in some}
    joins = [join for camera in found.cameras.values() for join in camera.joins]
    right = sum(person_of(join.earlier.crops[-1].path) == person_of(join.later.crops[0].path) for join in joins)
    return {
        "tracklets": len(changes),
        "long enough to split": sum(len(track.crops) > 1 for some in tracks.values() for track in some),
        "mixed": len(mixed),
        "mixed, estimated": None if found.split is None else round(found.split.mixed, 3),
        "mixed and split": sum(bool(split[name]) for name in mixed),
        "mixed and split at the change, within one image": len(near),
        "of one person and split": sum(bool(split[name]) for name in set(changes) - set(mixed)),
        "parts of one tracklet within reach": reachable(tracks, person, gap),
        "joins": len(joins),
        "right joins": right,
    }


def reachable(tracks: Mapping[str, Sequence[Track]], person: Mapping[str, int], gap: float) -> int:
    """Pairs of tracklets of one person that follow each other within the gap."""
    return sum(
        person[one.name] == person[other.name] and 0 < other.span[0] - one.span[1] <= gap
        for some in tracks.values()
        for one in some
        for other in some
    )


if __name__ == "__main__":
    run_command(measure, RepairBenchmarkConfig, "python -m benchmarks.adapt.repair")
