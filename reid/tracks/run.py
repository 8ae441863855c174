"""Tracklets of persons from videos.

    python -m reid.tracks entrance.mp4 yard.mp4 --out tracks
    python -m reid.tracks entrance.mp4 --boxes entrance.txt --out tracks
    python -m reid.tracks early.mp4 late.mp4 --cameras yard yard --starts 2026-11-30T08:00 2026-11-30T09:00 --out tracks

tracks/CAMERA/TRACK/FRAME.jpg are the crops, which reid adapt and reid extract --tracklets read; tracks/tracks.csv has
the box and time of each. A track is one person as long as the tracker does not lose or confuse it. The number of a
track means nothing in another camera.
"""

import itertools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from alignnet_common.errors import UserError
from alignnet_common.files import write_json, write_text
from alignnet_common.locks import file_lock
from alignnet_common.options import save_config
from alignnet_common.run_record import command_line, now, run_record
from reid.configs.groups.moments import with_unit
from reid.configs.video.tracks import TracksConfig
from reid.inference.table import TRACKS_TABLE
from reid.runtime.device import device_name, pick_device
from reid.runtime.run_dir import CONFIG, RESULT
from reid.tracks.crops import COLUMNS, key_of, part_of
from reid.tracks.follow import follow_all
from reid.tracks.records import Recording, all_records, fingerprint, options_of
from reid.tracks.video import Video

PROG = "python -m reid.tracks"

SUMMED = ("frames", "boxes", "tracks", "crops", "too_short", "seconds")
"""Numbers of a record that are added up over the recordings of a camera."""

HEADER_ERROR = 1.0
"""Seconds by which the length in the header of a video may be wrong."""


def tracks(config: TracksConfig) -> None:
    """Follow the persons in each video that is not finished, and write crops, tracks.csv and result.json.

    Raises UserError on a video, boxes or weights that cannot be read, on a folder that was made with other options or
    that another process writes to, and where a finished video has changed.
    """
    lengths = [Video(video, config.rate).length() for video in config.videos]  # before hours are spent on the first
    check_apart(config, lengths)
    config.out.mkdir(parents=True, exist_ok=True)
    with file_lock(config.out / ".lock", f"{config.out}: another process writes tracks there"):
        follow(config)


def follow(config: TracksConfig) -> None:
    """`tracks`, by the only process that writes to the folder."""
    started, clock = now(), time.perf_counter()
    # The machines of a cluster have devices of their own.
    device = device_name(pick_device(config.device)) if config.address is None else config.device
    known = records_of(config)
    waiting = []
    for (camera, start), video in sorted(zip(config.recordings, config.videos, strict=True), key=by_start(config)):
        recording = Recording(camera, start, video, fingerprint(video))
        if recording.key in known:
            check_same(config.out, camera, known[recording.key]["fingerprint"], recording.fingerprint)
            print(f"{recording.key}: finished already, {known[recording.key]['tracks']} tracks")
        else:
            waiting.append(recording)
    for key, found in follow_all(waiting, config):
        print(in_words(key, found))
    save_config(config, config.out / CONFIG)
    records = records_of(config)
    write_table(config.out, records)
    record = run_record(command_line(PROG), config, device, started, time.perf_counter() - clock)
    write_json(config.out / RESULT, {"cameras": by_camera(records)} | record)


def by_start(config: TracksConfig) -> Callable[[tuple[tuple[str, float], Path]], tuple[int, float]]:
    """Order of the recordings: cameras as they are named, the recordings of each by their beginning."""
    return lambda each: (config.names.index(each[0][0]), each[0][1])


def check_apart(config: TracksConfig, lengths: Sequence[float | None]) -> None:
    """Raise UserError where two recordings of one camera overlap, of this command and of earlier ones.

    lengths -- of the videos by their headers, seconds; None where they do not say. Headers may be wrong by a second.
    """
    spans = [(*each, length or 0.0) for each, length in zip(config.recordings, lengths, strict=True)]
    asked = {key_of(camera, start) for camera, start, _ in spans}
    spans += [
        (record["camera"], record["start"], record["duration"])
        for key, record in all_records(config.out).items()
        if key not in asked
    ]
    spans.sort()
    for (camera, start, length), (other, later, _) in itertools.pairwise(spans):
        if camera == other and start + length > later + HEADER_ERROR:
            raise UserError(
                f"camera {camera}: the recording at {with_unit(start)} lasts {length:.1f} s, beyond the beginning of "
                f"the one at {with_unit(later)} (--starts)"
            )


def records_of(config: TracksConfig) -> dict[str, dict[str, Any]]:
    """The records of finished videos by `key_of`. Raises UserError where one that is asked for was made otherwise."""
    found = all_records(config.out)
    given = options_of(config)
    for record in (found[key] for key in itertools.starmap(key_of, config.recordings) if key in found):
        changed = next((name for name, value in given.items() if record["options"].get(name) != value), None)
        if changed is not None:
            before = record["options"].get(changed)
            raise UserError(
                f"{config.out}: was made with {changed} {before}, not {given[changed]}: name another folder (--out)"
            )
    return found


def by_camera(records: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The records of the cameras: that of the recording, or of several the first one, with the sums of their numbers,
    the time from its beginning to the end of the last, and all of them as `recordings`."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for record in records.values():
        groups.setdefault(record["camera"], []).append(record)
    found = {}
    for camera, some in groups.items():
        sums = {name: sum(record[name] for record in some) for name in SUMMED} if len(some) > 1 else {}
        end = some[-1]["start"] + some[-1]["duration"]
        found[camera] = {**some[0], **sums, "duration": round(end - some[0]["start"], 3)}
        if len(some) > 1:
            found[camera]["recordings"] = list(some)
    return found


def check_same(out: Path, camera: str, before: str, given: str) -> None:
    """Raise UserError where a finished video is now another file."""
    if before != given:
        raise UserError(f"{out}: camera {camera} was made of another video: name another folder (--out) or camera")


def write_table(out: Path, keys: Iterable[str]) -> None:
    """Write tracks.csv: the rows of all recordings."""
    parts = [part_of(out, key).read_text() for key in keys]
    write_text(out / TRACKS_TABLE, "".join([",".join(COLUMNS) + "\n", *parts]))


def in_words(key: str, found: dict[str, Any]) -> str:
    """What was found in a video, as one line."""
    rate = found["frames"] / max(found["seconds"], 1e-9)
    short = f", {found['too_short']} shorter ones left out" if found["too_short"] else ""
    damage = f"\nnote: {key}: {found['damage']}; its other frames are used" if found["damage"] else ""
    return (
        f"{key}: {found['tracks']} tracks, {found['crops']} crops of {found['frames']} frames{short} "
        f"({rate:.1f} frames a second){damage}"
    )
