"""Networks in ONNX files, computed by onnxruntime on the CPU."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from alignnet_common.errors import UserError, one_line

SUFFIX = ".onnx"

NUMBERS = ("descriptor_size", "input_height", "input_width", "chunk")
"""Properties of a file that are whole numbers, below `LARGEST`."""

LARGEST = 100_000


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
            self.inputs = [each.name for each in self.session.get_inputs()]
            self.properties: dict[str, str] = dict(self.session.get_modelmeta().custom_metadata_map)
        except Exception as failure:  # onnxruntime has a class of its own for each kind, none of them public
            name = file if isinstance(file, Path) else "ONNX"
            raise UserError(f"{name}: no ONNX file ({one_line(failure)})") from failure
        self.file = file if isinstance(file, Path) else None

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Outputs for inputs, both in the order of the file. Raises UserError where the file cannot compute them."""
        fed = {name: np.ascontiguousarray(value.numpy()) for name, value in zip(self.inputs, inputs, strict=True)}
        try:
            return tuple(torch.from_numpy(found) for found in self.session.run(None, fed))
        except Exception as failure:  # onnxruntime has a class of its own for each kind, none of them public
            name = self.file or "ONNX"
            raise UserError(f"{name}: cannot be computed ({one_line(failure)}): export it again") from failure


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
        self.unit_length = properties.get("unit_length") == "yes"
        numbers = [properties.get(name, "") for name in NUMBERS]
        if not all(number.isascii() and number.isdecimal() and 0 < int(number[:9]) < LARGEST for number in numbers):
            raise UserError(f"{file}: without whole numbers {', '.join(NUMBERS)}: export it again")
        if len(self.file.inputs) != 2:
            raise UserError(f"{file}: {len(self.file.inputs)} inputs in place of frames and a mask: export it again")
        self.descriptor_size, height, width, chunk = map(int, numbers)
        self.sizes = {"height": height, "width": width, "chunk": chunk}
        """Height and width of the input in pixels, and frames in a chunk."""

    def forward(self, frames: Tensor, valid: Tensor) -> SimpleNamespace:
        """An output with `descriptor` (B, D) alone, of frames (B, T, 3, H, W) in 0..1 and the mask (B, T)."""
        found = self.file(frames, valid)
        if len(found) != 1 or found[0].shape != (len(frames), self.descriptor_size) or found[0].dtype != torch.float32:
            raise UserError(f"{self.file.file}: its output is no descriptor of {self.descriptor_size}: export it again")
        return SimpleNamespace(descriptor=found[0])
