"""Which persons of a test a network was trained on."""

from collections.abc import Mapping, Sequence
from typing import Any

from reid.data.fingerprint import clips_by_person, clips_of_tested, first_frames
from reid.data.tracklets.types import ReidData

PUBLISHED = ("PRID2011", "iLIDS-VID", "MARS", "Market-1501")
"""Data sets in which a pid is the same person on every disk."""


def trainings_of(metadata: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Who a network was trained on, a training each, the last one last; none where its file does not say.

    Files from before there could be several name the last one alone.
    """
    known = metadata.get("trained_on") or []
    return [known] if isinstance(known, Mapping) else list(known)


def trained_on_tested(trainings: Sequence[Mapping[str, Any]], data: ReidData, print_of_data: str) -> int:
    """How many of the persons tested a network was trained on in any of its trainings, as far as its file says so."""
    known = {pid for training in trainings if _is_of(training, data, print_of_data) for pid in training["pids"]}
    clips = {clip for training in trainings for clip in training.get("clips", ())}
    known |= {pid for pid, some in clips_of_tested(data).items() if some & clips} if clips else set()
    tested = {tracklet.pid for tracklet in data.query}
    frames = {frame for training in trainings for frame in training.get("frames", ())}
    if frames:
        sightings = [tracklet for tracklet in (*data.query, *data.gallery) if tracklet.pid in tested]
        known |= {pid for pid, some in first_frames(sightings).items() if some & frames}
    return len(tested & known)


def _is_of(training: Mapping[str, Any], data: ReidData, print_of_data: str) -> bool:
    """Whether the pids of a training are the same persons as those of `data`."""
    published = next((name for name in PUBLISHED if data.name.startswith(name)), None)
    same_set = published is not None and training["name"].startswith(published)
    return same_set or training["fingerprint"] == print_of_data


def trained_on(data: ReidData, fingerprint: str) -> dict[str, Any]:
    """Who a network was trained on, to be kept in its file: by number in these data, and by `first_frames`, by which
    they are known in data that have grown, were divided otherwise, or lie elsewhere; of a rendered set by its clips,
    too, whose frames may be in other files by now."""
    pids = sorted({tracklet.pid for tracklet in data.train})
    record = {"name": data.name, "fingerprint": fingerprint, "split": data.split, "pids": pids}
    record["frames"] = _all_of(first_frames(data.train))
    clips = _all_of(clips_by_person(data, data.train))
    return record | ({"clips": clips} if clips else {})


def _all_of(by_person: Mapping[int, set[str]]) -> list[str]:
    return sorted({one for some in by_person.values() for one in some})
