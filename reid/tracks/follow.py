"""The persons in videos followed, one camera after another, in this process or in workers of Ray."""

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from alignnet_common.cli.progress import progress
from alignnet_common.cluster.pool import Job, enter, run_all
from alignnet_common.cluster.ray_session import available_cores, interrupt_check, start_ray, stop_ray
from alignnet_common.errors import UserError
from alignnet_common.files import write_json
from reid.configs.video.tracks import TracksConfig
from reid.runtime.device import pick_device
from reid.runtime.memory import keep_freed_memory
from reid.tracks.boxes import NO_TRACK, NOTHING, Boxes, read_boxes
from reid.tracks.crops import CropWriter, key_of
from reid.tracks.detection import Found, detected
from reid.tracks.detectors.choice import Chosen, detector_of
from reid.tracks.records import Recording, after_others, all_records, options_of, record_file
from reid.tracks.track import Tracking
from reid.tracks.video import Frame, Video

FAILURES = "failure.txt"
"""File for Ray's reports of videos that cannot be followed."""

Finished = tuple[str, dict[str, Any]]
"""Key of a recording and its record."""


class Follower:
    """Follows the persons in the recordings of a camera. Ray makes an actor of this class."""

    def __init__(self, config: TracksConfig, folder: Path | None = None) -> None:
        """folder -- the current one of the command, for a process that has another; None: this process has it."""
        self._config, self._folder = config, folder
        self._detector: Chosen | None = None

    def ready(self) -> None:
        """Load the detector. Raises UserError without weights, and where this machine does not see the folders."""
        config = self._config
        if self._folder is not None:
            enter(self._folder, config.out, "--out")
        device = pick_device(config.device)
        if config.boxes is None:
            if device.type == "cpu":
                keep_freed_memory()
            self._detector = detector_of(
                config.detector,
                config.detector_weights,
                config.detector_size,
                config.threshold,
                device,
                config.precision,
                config.engine,
            )

    def work(self, recordings: Sequence[Recording]) -> list[Finished]:
        """Write crops, tables and records of recordings of one camera, by their beginning. Those that are finished, by
        a worker that died after them, are passed over."""
        return list(self.each(recordings))

    def each(self, recordings: Iterable[Recording]) -> Iterator[Finished]:
        """`work`, recording by recording."""
        config = self._config
        for recording in recordings:
            known = all_records(config.out).get(recording.key)
            if known is None:
                found = tracks_of(recording, self._detector, config)
                made = {"video": str(recording.video), "fingerprint": recording.fingerprint}
                about = {"camera": recording.camera, "start": recording.start}
                computed = None if self._detector is None else self._detector.computed
                known = about | made | {"options": options_of(config), "computed": computed} | found
                write_json(record_file(config.out, recording.key), known)
            yield recording.key, known


def follow_all(recordings: Sequence[Recording], config: TracksConfig) -> Iterator[Finished]:
    """Follow the persons in recordings; yields each that is finished, with several workers in any order."""
    if not recordings:
        return
    if config.address is not None or config.workers is not None:
        yield from follow_on_ray(recordings, config)
        return
    follower = Follower(config)
    follower.ready()
    yield from follower.each(recordings)


def follow_on_ray(recordings: Sequence[Recording], config: TracksConfig) -> Iterator[Finished]:
    """`follow_all` by workers of Ray, each of which takes a camera at a time. Raises as `run_all` and `start_ray`."""
    cameras: dict[str, list[Recording]] = {}
    for recording in recordings:
        cameras.setdefault(recording.camera, []).append(recording)
    report = config.out / FAILURES
    report.unlink(missing_ok=True)
    cores = start_ray(config.workers or available_cores(), config.address)
    workers = min(config.workers or cores, len(cameras))
    job = Job(
        Follower,
        (config, Path.cwd()),
        name_of=lambda some: f"{some[0].camera}",
        tasks="Videos",
        cannot="be followed",
        report=report,
    )
    bar = progress(quiet_logs=True, total=len(recordings), unit="video", desc=f"tracks on {workers} workers")
    try:
        with bar, interrupt_check() as check:
            for finished in run_all(job, list(cameras.values()), workers):
                yield from finished
                bar.update(len(finished))
                check()
    finally:
        stop_ray()


def tracks_of(recording: Recording, detector: Chosen | None, config: TracksConfig) -> dict[str, Any]:
    """Write the crops of one recording; returns what was found, as plain values."""
    clock = time.perf_counter()
    camera, start, video = recording.camera, recording.start, recording.video
    frames = Video(video, config.rate)
    total = frames.expected()
    writer = CropWriter(config.out, camera, key_of(camera, start), after_others(config.out, camera, start))
    boxes = count = 0
    last: Frame | None = None
    with progress(quiet_logs=True, total=total, desc=key_of(camera, start), unit="frame") as bar:
        if detector is None:
            found = listed(frames, boxes_file(config, camera, video))
        else:
            found = detected(
                frames, detector.detect, config.batch_size, on_cpu=pick_device(config.device).type == "cpu"
            )
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
