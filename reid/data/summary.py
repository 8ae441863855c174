"""Contents of a data set on disk, as plain values and as text."""

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

from reid.data.tracklets.listing import folders_of, in_words, left_out_folders, passed_over
from reid.data.tracklets.types import ReidData, Tracklet

SHOWN = 12
"""Errors and warnings that are printed; the others are counted."""


def summary(splits: Sequence[ReidData], wrong: Sequence[str]) -> dict[str, Any]:
    """Counts, lengths in frames, cameras, splits, warnings and errors of a data set under its splits.

    wrong -- errors. Identities are person ids above 0; distractors (0) and junk (-1) are counted separately.
    """
    first = splits[0]
    tracklets = first.tracklets
    lengths = [len(tracklet.frames) for tracklet in tracklets]
    return {
        "name": first.name,
        "root": str(first.root),
        "identities": len({tracklet.pid for tracklet in tracklets if tracklet.pid > 0}),
        "tracklets": len(tracklets),
        "frames": sum(lengths),
        "distractors": sum(tracklet.pid == 0 for tracklet in tracklets),
        "junk": sum(tracklet.pid == -1 for tracklet in tracklets),
        "cameras": _cameras(tracklets),
        "passed_over": passed_over(folders_of(tracklets)),
        "left_out_folders": [str(folder) for folder in left_out_folders(folders_of(tracklets), first.root)],
        "lengths": {"min": min(lengths), "median": statistics.median(lengths), "max": max(lengths)},
        "splits": [_split(data) for data in splits],
        "notes": list(first.notes),
        "warnings": list(first.warnings),
        "wrong": list(wrong),
    }


def _cameras(tracklets: Sequence[Tracklet]) -> list[dict[str, int]]:
    several, frames = Counter(t.camera for t in tracklets), Counter[int]()
    persons: dict[int, set[int]] = {}
    for tracklet in tracklets:
        frames[tracklet.camera] += len(tracklet.frames)
        persons.setdefault(tracklet.camera, set()).add(tracklet.pid)
    return [
        {
            "camera": camera,
            "identities": len({pid for pid in persons[camera] if pid > 0}),
            "tracklets": several[camera],
            "frames": frames[camera],
        }
        for camera in sorted(several)
    ]


def _split(data: ReidData) -> dict[str, Any]:
    """Identities and tracklets of training, query and gallery, and the number of queries without a positive."""
    seen: dict[int, set[int]] = {}
    for tracklet in data.gallery:
        seen.setdefault(tracklet.pid, set()).add(tracklet.camera)
    alone = sum(not seen.get(query.pid, set()) - {query.camera} for query in data.query)
    sides = {
        side: {"identities": len({t.pid for t in some if t.pid > 0}), "tracklets": len(some)}
        for side, some in (("train", data.train), ("query", data.query), ("gallery", data.gallery))
    }
    return {"source": data.split, **sides, "queries_without_positive": alone}


def in_text(found: dict[str, Any]) -> str:
    """The summary as text."""
    lengths, cameras = found["lengths"], found["cameras"]
    lines = [
        f"{found['name']} in {found['root']}",
        f"identities  {found['identities']}",
        f"tracklets   {found['tracklets']}"
        + (f", of them {found['distractors']} distractors, {found['junk']} junk" if _others(found) else ""),
        f"frames      {found['frames']}",
        *_passed_over_in_text(found),
        f"lengths     {lengths['min']} to {lengths['max']} frames a tracklet, median {lengths['median']:g}",
        f"cameras     {len(cameras)}",
        *(
            f"  camera {each['camera']}: {each['identities']} identities, {each['tracklets']} tracklets, "
            f"{each['frames']} frames"
            for each in cameras
        ),
        f"splits      {len(found['splits'])}",
        *(f"  {_split_in_text(split)}" for split in found["splits"]),
        *(f"note        {note}" for note in found["notes"]),
    ]
    faults = [*found["wrong"], *found["warnings"]]
    lines.append(f"wrong       {len(faults) or 'nothing'}")
    lines += [f"  {fault}" for fault in faults[:SHOWN]]
    if len(faults) > SHOWN:
        lines.append(f"  … and {len(faults) - SHOWN} more (--json FILE has them all)")
    return "\n".join(lines)


def _others(found: dict[str, Any]) -> bool:
    return bool(found["distractors"] or found["junk"])


def _passed_over_in_text(found: dict[str, Any]) -> list[str]:
    """What was not read: files of other suffixes than those of images, folders that systems make."""
    folders = found["left_out_folders"]
    lines = [f"passed over {in_words(found['passed_over'])}"] if found["passed_over"] else []
    if folders:
        some = ", ".join(folders[:3]) + (" …" if len(folders) > 3 else "")
        lines.append(f"left out    {len(folders)} folders that systems make ({some})")
    return lines


def _split_in_text(split: dict[str, Any]) -> str:
    train, query, gallery = split["train"], split["query"], split["gallery"]
    alone = split["queries_without_positive"]
    return (
        f"{split['source']}: {train['identities']} identities to train on, {query['tracklets']} queries, "
        f"{gallery['tracklets']} in the gallery" + (f", {alone} queries without a positive" if alone else "")
    )
