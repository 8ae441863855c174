"""The tracklets of one's own cameras, without persons."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_lines
from reid.data.tracklets.types import Tracklet
from reid.inference.rows import Row, natural
from reid.inference.sources import find_source

FEWEST_TRACKLETS, FEWEST_CAMERAS = 50, 2
"""Below these numbers there are too few people to be told apart, or nobody to be found by another camera."""


@dataclass(frozen=True)
class Unlabelled:
    """N tracklets of C cameras."""

    root: Path
    """Folder that their names are relative to."""

    tracklets: tuple[Tracklet, ...]
    """Frames and cameras, 0 to C-1; persons are not known: each has the id 0."""

    names: tuple[tuple[str, str], ...]
    """Camera and track of each tracklet, as in the source."""

    cameras: tuple[str, ...]
    """Names of the cameras in natural order."""

    times: npt.NDArray[np.float64]
    """(N, 2) start and end in seconds, by a clock of the camera; NaN where not known."""

    fingerprint: str
    """SHA-256 over names and sizes of the frames."""

    @property
    def camera_of(self) -> npt.NDArray[np.int64]:
        """(N,) number of each tracklet's camera."""
        return cameras_of(self.tracklets)


def cameras_of(tracklets: Sequence[Tracklet]) -> npt.NDArray[np.int64]:
    """(N,) number of each tracklet's camera."""
    return np.array([tracklet.camera for tracklet in tracklets], np.int64)


def read_unlabelled(source: str) -> Unlabelled:
    """The tracklets of ROOT/camera/track/frames, of a CSV file path,camera,track[,start,end], or of a rendered set, of
    which the persons are not read.

    Raises UserError where there are none, a camera is not known, or there are too few of either.
    """
    found = find_source(source, tracklets=True)
    unknown = next((row for row in found.rows if not row.camera), None)
    if unknown is not None:
        raise UserError(f"{source}: the camera of {unknown.path} is not known: fill the column camera")
    cameras = tuple(sorted({row.camera for row in found.rows}, key=natural))
    check_enough(source, len(found.rows), cameras)
    number = {camera: position for position, camera in enumerate(cameras)}
    tracklets = tuple(
        Tracklet(pid=0, camera=number[row.camera], frames=tuple(found.files(row)), sequence=position)
        for position, row in enumerate(found.rows)
    )
    times = np.array([[np.nan if time is None else time for time in (row.start, row.end)] for row in found.rows])
    names = tuple((row.camera, row.track or row.path) for row in found.rows)
    return Unlabelled(found.root, tracklets, names, cameras, times, sha256_of_lines(_frames(found.root, found.rows)))


def check_enough(source: str, tracklets: int, cameras: Sequence[str]) -> None:
    """Raise UserError where there are too few tracklets or cameras."""
    if len(cameras) < FEWEST_CAMERAS:
        raise UserError(f"{source}: all tracklets are of camera {cameras[0]}: adaptation needs two cameras or more")
    if tracklets < FEWEST_TRACKLETS:
        raise UserError(f"{source}: {tracklets} tracklets; adaptation needs {FEWEST_TRACKLETS} or more")


def _frames(root: Path, rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        for frame in row.frames:
            yield f"{row.camera} {row.track} {frame} {(root / frame).stat().st_size}"
