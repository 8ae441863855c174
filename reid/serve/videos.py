"""The videos that an index is of: nothing else on the disk is read for a request."""

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from alignnet_common.errors import UserError
from reid.configs.groups.moments import with_unit
from reid.index.store import Store
from reid.search.query import frame_at
from reid.tracks.records import recorded_cameras

STILL = 1.0
"""Seconds for which the last frame of a recording is shown."""


@dataclass(frozen=True)
class Recording:
    """A video file."""

    path: Path

    start: float
    """Time of its first frame, seconds by the clock of the camera."""

    duration: float
    """Seconds."""

    @property
    def in_words(self) -> str:
        """From when to when."""
        return f"{with_unit(self.start).removesuffix(' s')} to {with_unit(round(self.start + self.duration, 1))}"


@dataclass(frozen=True)
class KnownVideo:
    """The recordings of a camera whose tracklets are in the index."""

    recordings: tuple[Recording, ...]
    """By their beginning, at least one."""

    size: tuple[int, int]
    """Width and height, pixels."""

    @property
    def start(self) -> float:
        """Time of the first frame of all, seconds."""
        return self.recordings[0].start

    @property
    def duration(self) -> float:
        """Seconds from the first frame of the first recording to the last of the last one."""
        return self.recordings[-1].start + self.recordings[-1].duration - self.start

    def at(self, time: float) -> tuple[Path, float]:
        """The file that shows a time, and the seconds since its first frame.

        Raises UserError where the camera recorded nothing then.
        """
        begun = [each for each in self.recordings if each.start <= time + 1e-6]
        if not begun or time > begun[-1].start + begun[-1].duration + STILL:
            spans = ", ".join(each.in_words for each in self.recordings)
            raise UserError(f"nothing is recorded at {with_unit(time)} (recorded: {spans})")
        return begun[-1].path, max(0.0, time - begun[-1].start)


def videos_of(store: Store) -> dict[str, KnownVideo]:
    """Videos by camera, as reid tracks has recorded them; those that are gone are left out."""
    found = {}
    for source in sorted({block.rows[0].source for block in store.blocks()}):
        for camera, row in recorded_cameras(Path(source)).items():
            recordings = tuple(
                Recording(Path(each["video"]), float(each.get("start", 0)), float(each["duration"]))
                for each in row.get("recordings", [row])
                if {"video", "duration"} <= each.keys() and Path(each["video"]).is_file()
            )
            if recordings and "size" in row:
                found[camera] = KnownVideo(recordings, (row["size"][0], row["size"][1]))
    return found


def frame_as_jpeg(video: KnownVideo, time: float) -> bytes:
    """The frame at a time as a JPEG file."""
    file = io.BytesIO()
    Image.fromarray(frame_at(*video.at(time))).save(file, "JPEG", quality=90)
    return file.getvalue()
