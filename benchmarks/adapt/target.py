"""What is adapted to and tested on: Market-1501's training half, or a rendered set."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.adapt.tracks import Track, market_tracks
from benchmarks.workers.subprocesses import check_market
from reid.data.datasets.market import load_market
from reid.data.datasets.synthetic import load_synthetic


class Target(NamedTuple):
    """Tracklets without persons, and tests of other persons."""

    images: Path
    """Folder of the images that the tracklets name."""

    tracks: list[Track]

    tests: dict[str, list[str]]
    """Options of `reid evaluate` that name the data, by the name of the test."""


def market_target(folder: Path, test_share: float, official: bool) -> Target:
    """The tracklets of Market-1501's training half, without the persons that are held out as a test.

    Args:
        folder: contains bounding_box_train.
        test_share: share of the persons that is held out, 0 for none.
        official: whether the official test is a test as well.

    Raises UserError as `check_market` and `load_market`.
    """
    check_market(folder)
    images = folder / "bounding_box_train"
    tracks = market_tracks([path.name for path in images.iterdir()])
    named = ["--dataset=market", f"--root={folder}"]
    tests = {}
    if test_share:
        held_out = {tracklet.pid for tracklet in load_market(folder, 0, "held-out", test_share).gallery}
        tracks = [track for track in tracks if track.person not in held_out]
        tests["held out"] = [*named, f"--test-share={test_share}", "--split-seed=0"]
    if official:
        tests["official"] = [*named, "--market-test=official"]
    return Target(images, tracks, tests)


def rendered_target(folder: Path) -> Target:
    """The clips of the training persons of a rendered set's first split; its test persons are the test.

    Raises UserError as `load_synthetic`.
    """
    clips = load_synthetic(folder, 0, 0).train
    root = folder.absolute()
    tracks = [Track(f"c{clip.camera}", clip.pid, _below(root, clip.frames)) for clip in clips]
    return Target(root, tracks, {"other persons": ["--dataset=synthetic", f"--root={folder}", "--split=0"]})


def _below(root: Path, frames: Sequence[Path]) -> tuple[str, ...]:
    return tuple(frame.absolute().relative_to(root).as_posix() for frame in frames)
