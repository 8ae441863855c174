"""Which persons of a test a network was trained on."""

from collections.abc import Mapping, Sequence
from typing import Any

from reid.data.fingerprint import clips_by_person, clips_of_tested, first_frames, generators
from reid.data.tracklets.types import ReidData

PUBLISHED = ("PRID2011", "iLIDS-VID", "MARS", "Market-1501")
"""Published data sets, whose pids mean the same persons in every copy."""


def trainings_of(metadata: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Identities that a network was trained on, one record a training, the latest last; none if its file has no record.

    Older files hold the record of the last training only, without a list.
    """
    known = metadata.get("trained_on") or []
    return [known] if isinstance(known, Mapping) else list(known)


def trained_on_tested(trainings: Sequence[Mapping[str, Any]], data: ReidData, print_of_data: str) -> int:
    """Number of tested identities that the network was trained on, with labels, in any of its recorded trainings.

    Identities are matched by pid within the same data set, by hashes of rendered clips, and by hashes of first frames.
    """
    return _seen([training for training in trainings if not training.get("unlabelled")], data, print_of_data)


def adapted_to_tested(trainings: Sequence[Mapping[str, Any]], data: ReidData, print_of_data: str) -> int:
    """Number of tested identities to whose tracklets the network was adapted without labels, by hashes of first
    frames."""
    return _seen([training for training in trainings if training.get("unlabelled")], data, print_of_data)


def _seen(trainings: Sequence[Mapping[str, Any]], data: ReidData, print_of_data: str) -> int:
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
    """Whether equal pids in the record and in `data` mean the same person."""
    published = next((name for name in PUBLISHED if data.name.startswith(name)), None)
    same_set = published is not None and training["name"].startswith(published)
    return same_set or training["fingerprint"] == print_of_data


def trained_on(data: ReidData, fingerprint: str) -> dict[str, Any]:
    """Record of the identities that a network was trained on, for its model file.

    Keys: name, fingerprint and split of the data; pids; frames, hashes of first frames (`first_frames`), which identify
    persons even if the data set has grown, is split otherwise or lies elsewhere; clips, hashes of the clips of a
    rendered set, which stay the same if its frames are stored in other files; generators, its generator versions.
    """
    pids = sorted({tracklet.pid for tracklet in data.train})
    record = {"name": data.name, "fingerprint": fingerprint, "split": data.split, "pids": pids}
    record["frames"] = _all_of(first_frames(data.train))
    clips = _all_of(clips_by_person(data, data.train))
    return record | ({"clips": clips, "generators": list(generators(data))} if clips else {})


def _all_of(by_person: Mapping[int, set[str]]) -> list[str]:
    return sorted({one for some in by_person.values() for one in some})
