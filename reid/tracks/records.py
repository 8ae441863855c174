"""The record of each finished recording in a folder of tracks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alignnet_common.checked.forms import ANY, AtLeast
from alignnet_common.checked.json_file import read_json
from alignnet_common.cli import as_plain
from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_lines
from reid.configs.video.tracks import TracksConfig
from reid.runtime.run_dir import RESULT
from reid.tracks.crops import key_of, part_of

FREE_TO_CHANGE = (
    "videos",
    "cameras",
    "starts",
    "out",
    "device",
    "batch_size",
    "precision",
    "engine",
    "workers",
    "address",
)
"""Options that the crops of a video do not depend on, but for rounding."""


@dataclass(frozen=True)
class Recording:
    """A video of a camera."""

    camera: str

    start: float
    """Time at which it begins, seconds by the clock of the camera."""

    video: Path

    fingerprint: str
    """See `fingerprint`."""

    @property
    def key(self) -> str:
        """Its name, see `key_of`."""
        return key_of(self.camera, self.start)


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


def record_file(out: Path, key: str) -> Path:
    """The record of a finished video."""
    return out / f".{key}.json"


RECORD: dict[str, Any] = {
    "camera?": str,
    "start?": float,
    "video?": str,
    "fingerprint?": str,
    "options?": {str: ANY},
    "duration?": AtLeast(0),
    "seconds?": AtLeast(0),
    "size?": [AtLeast(1, int), AtLeast(1, int)],
    **{f"{name}?": AtLeast(0, int) for name in ("frames", "boxes", "tracks", "crops", "too_short")},
    "damage?": (str, None),
    "computed?": (str, None),
}
"""Form of the record of a recording. Those of repaired tracks may be of a camera whose video is not known."""

OPTIONAL = ("camera?", "start?", "computed?")
"""Fields that earlier versions did not write."""

WHOLE = {name if name in OPTIONAL else name.rstrip("?"): form for name, form in RECORD.items()}
"""Form of the record that `reid tracks` writes of a finished video."""

ADVICE = "remove it, and repeat the command that wrote these tracks"


def all_records(out: Path) -> dict[str, dict[str, Any]]:
    """The records of finished videos by `key_of`, by camera and start. Raises UserError where one is damaged."""
    found = {
        path.name[1 : -len(".json")]: read_json(path, WHOLE, ADVICE)
        for path in sorted(out.glob(".*.json"))
        if part_of(out, path.name[1 : -len(".json")]).is_file()
    }
    complete = {key: {"camera": key, "start": 0.0} | record for key, record in found.items()}
    return dict(sorted(complete.items(), key=lambda each: (each[1]["camera"], each[1]["start"])))


def recorded_cameras(tracks: Path) -> dict[str, dict[str, Any]]:
    """The records of the cameras of a folder of tracks, by result.json: of a camera with several recordings, all of
    them as `recordings`. Empty where it has none. Raises UserError where it is damaged."""
    path = tracks / RESULT
    if not path.is_file():
        return {}
    form = {"cameras?": {str: RECORD | {"recordings?": [RECORD | {"start": float}]}}}
    found: dict[str, dict[str, Any]] = read_json(path, form, ADVICE).get("cameras", {})
    return found


def after_others(out: Path, camera: str, start: float) -> float:
    """The time of the first frame of a recording: `start`, or the end of one before it that lasts longer than
    said, since two tracks of one camera at the same time are taken for different persons."""
    earlier = [each for each in all_records(out).values() if each["camera"] == camera and each["start"] < start]
    return max([start, *(each["start"] + each["duration"] for each in earlier)])


def options_of(config: TracksConfig) -> dict[str, Any]:
    """The options that crops depend on."""
    return {name: value for name, value in as_plain(config).items() if name not in FREE_TO_CHANGE}
