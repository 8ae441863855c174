"""Options of reid search."""

import math
from dataclasses import dataclass
from pathlib import Path

from alignnet_common.options import bounded, check_ranges, option
from reid.configs.groups.checks import check_device, require
from reid.configs.groups.moments import one_clock, seconds_of


@dataclass(frozen=True)
class SearchConfig:
    """Find a person in an index: by crops, by a tracklet of the index, or by a box in a video."""

    index: Path = Path("index")
    """Folder of the index (reid index)."""

    crop: list[Path] = option(default_factory=list)
    """Images of the person, one or several, cut out around the body."""

    track: str | None = None
    """Tracklet of the index, CAMERA/TRACK."""

    video: Path | None = None
    """Video with the person, for --time and --box."""

    time: float | None = bounded(None, at_least=0)
    """Time in --video, seconds since its first frame."""

    box: list[float] = option(default_factory=list)
    """Box of the person in --video at --time: x,y,w,h, left and top corner, width and height in pixels."""

    camera: str | None = None
    """Camera of the crops or the video, if it is one of the index: its statistics and error rates are used. Default:
    the name of the video without suffix; unknown for crops."""

    cameras: list[str] = option(default_factory=list)
    """Cameras that are searched. Default: all."""

    not_cameras: list[str] = option(default_factory=list)
    """Cameras that are left out."""

    after: float | str | None = None
    """Tracklets that end before this time are left out: seconds since the beginning of their video, or by the clock of
    reid tracks --starts; or 2026-11-30T08:00:00 as there."""

    before: float | str | None = None
    """Tracklets that start after this time are left out."""

    top_k: int = bounded(20, at_least=1, at_most=1000)
    """Hits, at most."""

    json: Path | None = None
    """File for the hits."""

    csv: Path | None = None
    """File for the hits as a table."""

    html: Path | None = None
    """File for a page with the pictures of the hits, in which they are confirmed or rejected."""

    weights: str | None = option(None, rare=True)
    """The network of the index, if it has moved."""

    device: str = "auto"
    """Device of the network: auto (a CUDA GPU if there is one, else the CPU), cpu, cuda, cuda:1 or 1, mps."""

    parquet: Path | None = None
    """File for the hits as a Parquet table, with the query in the metadata of its schema. Needs the extra [parquet]."""

    def __post_init__(self) -> None:
        check_ranges(self)
        check_device(self.device)
        assert len(self.window) == 2  # raises ValueError on what is no time
        one_clock([each for each in (self.after, self.before) if each is not None], "--after, --before")
        asked = bool(self.crop) + (self.track is not None) + (self.video is not None)
        require(
            asked == 1, "name the person: --crop FILE…, --track CAMERA/TRACK, or --video FILE --time S --box x,y,w,h"
        )
        given = self.time is not None and len(self.box) == 4
        require(self.video is None or given, "--video needs --time SECONDS and --box x,y,w,h")
        require(self.video is not None or not (self.box or self.time is not None), "--time and --box belong to --video")
        require(not self.box or min(self.box[2:]) > 0, f"--box {self.box}: width and height must be above 0")
        require(self.track is None or self.track.count("/") == 1, f"--track {self.track}: name it as CAMERA/TRACK")

    @property
    def window(self) -> tuple[float, float]:
        """Seconds of `after` and `before`, infinite where not given."""
        first = -math.inf if self.after is None else seconds_of(self.after, "--after")
        return first, math.inf if self.before is None else seconds_of(self.before, "--before")
