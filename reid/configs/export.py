"""Options of reid export."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alignnet_common.options import bounded, check_ranges, option
from reid.configs.groups.checks import check_choices, require

ExportFormat = Literal["onnx", "torch-export", "safetensors"]
SUFFIXES: dict[str, str] = {"onnx": ".onnx", "torch-export": ".pt2", "safetensors": ".safetensors"}
"""Ending of the file of each format."""

ExportGraph = Literal["video", "frames", "pooling", "both"]
"""video: frames to the descriptor. frames: images to frame descriptors. pooling: frame descriptors to the descriptor.
both: frames and pooling, a file each."""


@dataclass(frozen=True)
class ExportConfig:
    """Write a network for other runtimes (ONNX, torch.export) or as a model file to share, and compare the file with
    its source."""

    out: Path
    """File to write, F.onnx, F.pt2 or F.safetensors; a report is written beside it, F.json. With --graph both: F-frames
    and F-pooling."""

    weights: str = "small"
    """The network: a run's folder, a model file, or the name of a shipped network."""

    format: ExportFormat = "onnx"
    """onnx = ONNX with the weights inside; torch-export = a .pt2 file for torch.export.load; safetensors = a model file
    of this project without the classifier, for --weights and reid.load."""

    float16: bool = option(True, rare=True)
    """With --format safetensors: weights of convolutions and linear layers as float16, in half the bytes. They load as
    float32."""

    graph: ExportGraph = "video"
    """video = chunks of frames to their descriptors; frames = images to frame descriptors and weights; pooling = frame
    descriptors and weights to the descriptor; both = frames and pooling."""

    int8: Path | None = None
    """Also write F.int8.onnx, in 8-bit integers: folder of images of persons that ranges of activations are measured
    on. Default: no."""

    calibration_images: int = bounded(256, at_least=1)
    """Images of --int8 that are used, evenly spread over the sorted names."""

    int8_bits: Literal[7, 8] = option(7, rare=True)
    """Bits of the weights of --int8. 7 = right on every processor; 8 = nearer to float on processors that sum products
    of 8 bits exactly (x86 with VNNI, ARM), far off on others."""

    opset: int = option(18, at_least=18, at_most=23, rare=True)
    """Version of ONNX's operator set."""

    height: int | None = bounded(None, at_least=32)
    """Height of the network's input, pixels. Default: as in the training of --weights."""

    width: int | None = bounded(None, at_least=32)
    """Width of the network's input, pixels. Default: as in the training of --weights."""

    chunk: int | None = bounded(None, at_least=1)
    """Frames in a chunk that the file names, for tracklets. Default: as in the training of --weights."""

    def __post_init__(self) -> None:
        check_choices(self)
        check_ranges(self)
        suffix = SUFFIXES[self.format]
        require(self.out.suffix == suffix, f"--out {self.out}: a file of --format {self.format} ends in {suffix}")
        require(self.int8 is None or self.format == "onnx", "--int8 needs --format onnx")
        require(
            self.format != "safetensors" or self.graph == "video",
            f"--graph {self.graph} needs --format onnx or torch-export",
        )
        require(
            self.int8 is None or self.graph != "pooling", "--int8: --graph pooling has no convolutions: nothing to gain"
        )

    @property
    def files(self) -> dict[str, Path]:
        """The file of each graph."""
        if self.graph != "both":
            return {self.graph: self.out}
        return {graph: self.out.with_stem(f"{self.out.stem}-{graph}") for graph in ("frames", "pooling")}
