"""Networks in ONNX files, computed by onnxruntime on the CPU."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from alignnet_common.errors import UserError

SUFFIX = ".onnx"


class OnnxFile:
    """An ONNX file in onnxruntime on the CPU.

    threads -- of onnxruntime. Default: those of PyTorch. Raises UserError where onnxruntime is not installed, or the
    file cannot be read.
    """

    def __init__(self, file: Path | bytes, threads: int | None = None) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise UserError("an ONNX file needs onnxruntime: pip install 'alignnet-reid[export]'") from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or torch.get_num_threads()
        options.log_severity_level = 3  # errors alone
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting threads leave the processor
        content = file if isinstance(file, bytes) else str(file)
        try:
            self.session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as failure:  # onnxruntime has a class of its own for each kind, none of them public
            reason = " ".join(str(failure).split())[:200]
            raise UserError(f"{file if isinstance(file, Path) else 'ONNX'}: no ONNX file ({reason})") from failure
        self.inputs = [each.name for each in self.session.get_inputs()]
        self.properties: dict[str, str] = dict(self.session.get_modelmeta().custom_metadata_map)

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Outputs for inputs, both in the order of the file."""
        fed = {name: np.ascontiguousarray(value.numpy()) for name, value in zip(self.inputs, inputs, strict=True)}
        return tuple(torch.from_numpy(found) for found in self.session.run(None, fed))


class OnnxNetwork(nn.Module):
    """The graph "video" of an ONNX file of `reid export` in place of an AlignNet, for descriptors.

    Raises UserError as `OnnxFile`, and where the file is of another program or has another graph.
    """

    def __init__(self, file: Path, threads: int | None = None) -> None:
        super().__init__()
        self.file = OnnxFile(file, threads)
        properties: dict[str, Any] = self.file.properties
        if properties.get("graph") != "video":
            raise UserError(
                f"{file}: no network of whole tracklets by reid export (--format onnx --graph video); export it again"
            )
        self.unit_length = properties["unit_length"] == "yes"
        self.descriptor_size = int(properties["descriptor_size"])
        self.sizes = {
            "height": int(properties["input_height"]),
            "width": int(properties["input_width"]),
            "chunk": int(properties["chunk"]),
        }
        """Height and width of the input in pixels, and frames in a chunk."""

    def forward(self, frames: Tensor, valid: Tensor) -> SimpleNamespace:
        """An output with `descriptor` (B, D) alone, of frames (B, T, 3, H, W) in 0..1 and the mask (B, T)."""
        (descriptor,) = self.file(frames, valid)
        return SimpleNamespace(descriptor=descriptor)
