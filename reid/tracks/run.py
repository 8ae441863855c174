"""Tracklets of persons from videos.

    python -m reid.tracks entrance.mp4 yard.mp4 --out tracks
    python -m reid.tracks entrance.mp4 --boxes entrance.txt --out tracks
    python -m reid.tracks early.mp4 late.mp4 --cameras yard yard --starts 0 3600 --out tracks

tracks/CAMERA/TRACK/FRAME.jpg are the crops, which reid adapt and reid extract --tracklets read; tracks/tracks.csv has
the box and time of each. A track is one person as long as the tracker does not lose or confuse it. The number of a
track means nothing in another camera.
"""

import itertools
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from alignnet_common.cli import as_plain
from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_lines, write_atomically, write_json
from alignnet_common.locks import file_lock
from alignnet_common.options import save_config
from alignnet_common.run_record import command_line, now, run_record
from reid.configs.video.tracks import TracksConfig
from reid.inference.table import TRACKS_TABLE
from reid.runtime.device import device_name, pick_device
from reid.runtime.memory import keep_freed_memory
from reid.runtime.run_dir import CONFIG, RESULT
from reid.tracks.boxes import NO_TRACK, NOTHING, Boxes, read_boxes
from reid.tracks.crops import COLUMNS, CropWriter, key_of, part_of
from reid.tracks.detection import Found, detected
from reid.tracks.detector import Detector, ssdlite_detector
from reid.tracks.track import Tracking
from reid.tracks.video import Frame, Video

PROG = "python -m reid.tracks"

FREE_TO_CHANGE = ("videos", "cameras", "starts", "out", "device", "batch_size", "precision")
"""Options that the crops of a video do not depend on, but for rounding."""

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
    device = pick_device(config.device)
    known = records_of(config)
    detector: Detector | None = None
    for (camera, start), video in sorted(zip(config.recordings, config.videos, strict=True), key=by_start(config)):
        print_of, key = fingerprint(video), key_of(camera, start)
        if key in known:
            check_same(config.out, camera, known[key]["fingerprint"], print_of)
            print(f"{key}: finished already, {known[key]['tracks']} tracks")
            continue
        if config.boxes is None and detector is None:
            if device.type == "cpu":
                keep_freed_memory()
            size = config.detector_size
            detector = ssdlite_detector(config.detector, size, config.threshold, device, config.precision)
        found = tracks_of(video, camera, start, detector, config)
        made = {"video": str(video), "fingerprint": print_of, "options": options_of(config)}
        write_json(record_file(config.out, key), {"camera": camera, "start": start} | made | found)
        print(in_words(key, found))
    save_config(config, config.out / CONFIG)
    records = records_of(config)
    write_table(config.out, records)
    record = run_record(command_line(PROG), config, device_name(device), started, time.perf_counter() - clock)
    write_json(config.out / RESULT, {"cameras": by_camera(records)} | record)


def tracks_of(
    video: Path, camera: str, start: float, detector: Detector | None, config: TracksConfig
) -> dict[str, Any]:
    """Write the crops of one video, which begins at `start`; returns what was found, as plain values."""
    clock = time.perf_counter()
    frames = Video(video, config.rate)
    total = frames.expected()
    writer = CropWriter(config.out, camera, key_of(camera, start), after_others(config.out, camera, start))
    boxes = count = 0
    last: Frame | None = None
    with tqdm(total=total, desc=key_of(camera, start), unit="frame", disable=None) as bar:
        if detector is None:
            found = listed(frames, boxes_file(config, camera, video))
        else:
            found = detected(frames, detector, config.batch_size, on_cpu=pick_device(config.device).type == "cpu")
        for frame, some in followed(found, config.rate):
            writer.add(frame, some)
            boxes, count, last = boxes + len(some), count + 1, frame
            bar.update()
    counts = writer.finish(config.min_frames)
    assert last is not None
    seconds = time.perf_counter() - clock
    return {
        "frames": count,
        "boxes": boxes,
        **counts,
        "size": list(last.image.shape[1::-1]),
        "duration": round(last.time, 3),
        "damage": frames.trouble,
        "seconds": round(seconds, 1),
    }


def listed(frames: Iterable[Frame], path: Path) -> Found:
    """The frames with the boxes of a file. Raises UserError where all of its boxes are after the last frame."""
    boxes: dict[int, Boxes] | None = None
    last = 0
    for frame in frames:
        if boxes is None:
            boxes = read_boxes(path, *frame.image.shape[:2])
        yield frame, boxes.get(frame.number, NOTHING)
        last = frame.number
    beyond = [number for number in boxes or () if number > last]
    if beyond and boxes and len(beyond) == len(boxes):
        raise UserError(f"{path}: its boxes begin in frame {min(beyond)}, but the video ends with frame {last}")
    if beyond:
        print(f"note: {path}: boxes of {len(beyond)} frames are left out: the video ends with frame {last}")


def followed(found: Found, rate: float) -> Found:
    """The frames with boxes inside the frame, each in a track: that of the file, else by tracking."""
    tracking: Tracking | None = None
    given: bool | None = None
    for frame, boxes in found:
        inside = boxes.within(*frame.image.shape[:2])
        if given is None and len(inside):
            given = bool((inside.tracks != NO_TRACK).any())
        if given:
            yield frame, inside
            continue
        tracking = Tracking(rate) if tracking is None else tracking
        yield frame, tracking.add(inside)


def boxes_file(config: TracksConfig, camera: str, video: Path) -> Path:
    """The boxes of a video: by its camera, or of several recordings of the camera by the name of its file. Raises
    UserError where several videos have one file."""
    assert config.boxes is not None
    if len(config.videos) == 1:
        return config.boxes
    name = camera if config.names.count(camera) == 1 else video.stem
    places = config.boxes / f"{name}.txt", config.boxes / name
    found = next((place for place in places if place.exists()), None)
    if found is None:
        raise UserError(f"--boxes {config.boxes}: no {name}.txt and no folder {name} in it")
    return found


def fingerprint(video: Path) -> str:
    """SHA-256 over the size of a video and its first and last mebibyte. Raises UserError where it is not there."""
    if not video.is_file():
        raise UserError(f"no such file: {video}")
    size, most = video.stat().st_size, 2**20
    with video.open("rb") as file:
        first = file.read(most)
        file.seek(max(0, size - most))
        last = file.read(most)
    return sha256_of_lines([str(size), first.hex(), last.hex()])


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
                f"camera {camera}: the recording at {start:g} s lasts {length:.1f} s, beyond the beginning of the one "
                f"at {later:g} s (--starts)"
            )


def after_others(out: Path, camera: str, start: float) -> float:
    """The time of the first frame of a recording: `start`, or the end of one before it that lasts longer than
    said, since two tracks of one camera at the same time are taken for different persons."""
    earlier = [each for each in all_records(out).values() if each["camera"] == camera and each["start"] < start]
    return max([start, *(each["start"] + each["duration"] for each in earlier)])


def record_file(out: Path, key: str) -> Path:
    """The record of a finished video."""
    return out / f".{key}.json"


def all_records(out: Path) -> dict[str, dict[str, Any]]:
    """The records of finished videos by `key_of`, by camera and start."""
    found = {
        path.name[1 : -len(".json")]: json.loads(path.read_text())
        for path in sorted(out.glob(".*.json"))
        if part_of(out, path.name[1 : -len(".json")]).is_file()
    }
    complete = {key: {"camera": key, "start": 0.0} | record for key, record in found.items()}
    return dict(sorted(complete.items(), key=lambda each: (each[1]["camera"], each[1]["start"])))


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


def options_of(config: TracksConfig) -> dict[str, Any]:
    """The options that crops depend on."""
    return {name: value for name, value in as_plain(config).items() if name not in FREE_TO_CHANGE}


def check_same(out: Path, camera: str, before: str, given: str) -> None:
    """Raise UserError where a finished video is now another file."""
    if before != given:
        raise UserError(f"{out}: camera {camera} was made of another video: name another folder (--out) or camera")


def write_table(out: Path, keys: Iterable[str]) -> None:
    """Write tracks.csv: the rows of all recordings."""
    parts = [part_of(out, key).read_text() for key in keys]
    write_atomically(out / TRACKS_TABLE, "".join([",".join(COLUMNS) + "\n", *parts]).encode())


def in_words(key: str, found: dict[str, Any]) -> str:
    """What was found in a video, as one line."""
    rate = found["frames"] / max(found["seconds"], 1e-9)
    short = f", {found['too_short']} shorter ones left out" if found["too_short"] else ""
    damage = f"\nnote: {key}: {found['damage']}; its other frames are used" if found["damage"] else ""
    return (
        f"{key}: {found['tracks']} tracks, {found['crops']} crops of {found['frames']} frames{short} "
        f"({rate:.1f} frames a second){damage}"
    )
