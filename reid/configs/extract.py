"""Options of reid extract."""

from dataclasses import dataclass
from pathlib import Path

from alignnet_common.options import bounded, check_ranges, option
from reid.configs.groups.checks import check_device, require

FORMATS = (".npz", ".parquet")
"""Suffixes of result files."""


@dataclass(frozen=True)
class ExtractConfig:
    """Describe images, or with --tracklets tracklets, by a trained network."""

    source: str | None = option(None, first_word=True)
    """Folder of images, read with all folders below it; pattern in quotes, such as "crops/*/*.jpg"; or CSV file with
    the columns path[,camera][,track][,person]; "sample" = the synthetic set that is installed with the package. With
    --tracklets: folder of camera/track/frames, pattern of folders of frames, or CSV file."""

    weights: str = "small"
    """Name of a shipped network, run folder, model file, or ONNX file of reid export, which onnxruntime computes:
    faster on a CPU."""

    out: Path | None = None
    """File for the descriptors, .npz or .parquet. A record is written beside it, with the suffix .json."""

    tracklets: bool = False
    """One descriptor per tracklet instead of one per image."""

    normalize: bool = False
    """Scale each descriptor to length 1, so that Euclidean distance ranks as cosine similarity."""

    flip_test: bool = False
    """Describe each image by the mean over itself and its mirror image, in twice the time."""

    camera_norm: bool = False
    """Describe the images of each camera with statistics of that camera, of batch norms and descriptors, measured on
    its own images in SOURCE, without labels. They are written beside --out, with the suffix .cameras.safetensors. A
    camera with fewer than 64 images keeps the batch norms of the training."""

    camera_statistics: Path | None = option(None, rare=True)
    """File of statistics that an earlier --camera-norm wrote, applied by the names of the cameras: for a few queries,
    the file of their gallery. SOURCE is not measured then."""

    skip_broken: bool = False
    """Leave out unreadable images, and tracklets with one, and list them in the result, instead of stopping."""

    height: int | None = bounded(None, at_least=32)
    """Height of the network's input, pixels. Default: as in the training of --weights."""

    width: int | None = bounded(None, at_least=32)
    """Width of the network's input, pixels. Default: as in the training of --weights."""

    chunk: int | None = bounded(None, at_least=1)
    """Frames in a chunk of a tracklet. Default: as in the training of --weights."""

    batch_size: int | None = bounded(None, at_least=1)
    """Images that the network takes at a time. Default: by the free memory, and on a CPU by the size of the feature
    maps; at most 64 on a CPU and 256 on a GPU."""

    workers: int | None = bounded(None, at_least=0)
    """Threads that decode images beside the network; 0: none. Default: one per core, at most 8."""

    device: str = "auto"
    """Device of the network: auto (a CUDA GPU if there is one, else the CPU), cpu, cuda, cuda:1 or 1, mps."""

    def __post_init__(self) -> None:
        check_ranges(self)
        check_device(self.device)
        require(self.source is not None, "name the images: reid extract SOURCE, a folder, pattern or CSV file")
        require(self.out is not None, "--out is needed: the file for the descriptors, .npz or .parquet")
        assert self.out is not None
        require(self.out.suffix in FORMATS, f"--out {self.out}: must end with {' or '.join(FORMATS)}")
