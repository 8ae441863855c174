"""ONNX files: a program of torch.export as ONNX, and a file as something to call."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from reid.exporting.graphs import Interface


def onnx_bytes(
    program: torch.export.ExportedProgram, interface: Interface, opset: int, properties: Mapping[str, str]
) -> bytes:
    """The content of an ONNX file with the weights inside.

    properties -- the file's metadata. Traces of the source code, with paths of this machine, are removed.
    """
    import onnx

    exported = torch.onnx.export(
        program,
        input_names=list(interface.inputs),
        output_names=list(interface.outputs),
        opset_version=opset,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    assert exported is not None
    model = exported.model_proto
    _remove_traces(model)
    for values, shapes in ((model.graph.input, interface.inputs), (model.graph.output, interface.outputs)):
        for value in values:
            for side, dim in zip(shapes[value.name], value.type.tensor_type.shape.dim, strict=True):
                if isinstance(side, str):
                    dim.dim_param = side
    onnx.helper.set_model_props(model, dict(properties))
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def _remove_traces(model: Any) -> None:
    """Remove the notes that the exporter leaves on nodes, values and weights, in place."""
    graph = model.graph
    for each in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        each.doc_string = ""
        del each.metadata_props[:]
    for function in model.functions:
        function.doc_string = ""
        for node in function.node:
            node.doc_string = ""
            del node.metadata_props[:]


class OnnxFile:
    """An ONNX file in onnxruntime on the CPU.

    threads -- of onnxruntime. Default: those of PyTorch.
    """

    def __init__(self, file: Path | bytes, threads: int | None = None) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or torch.get_num_threads()
        options.log_severity_level = 3  # errors alone
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting threads leave the processor
        content = file if isinstance(file, bytes) else str(file)
        self.session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self.inputs = [each.name for each in self.session.get_inputs()]
        self.properties: dict[str, str] = dict(self.session.get_modelmeta().custom_metadata_map)

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Outputs for inputs, both in the order of the file."""
        fed = {name: np.ascontiguousarray(value.numpy()) for name, value in zip(self.inputs, inputs, strict=True)}
        return tuple(torch.from_numpy(found) for found in self.session.run(None, fed))


class OnnxNetwork(nn.Module):
    """The graph "video" of an ONNX file in place of an AlignNet, for `reid.evaluation.descriptors`."""

    def __init__(self, file: Path, threads: int | None = None) -> None:
        super().__init__()
        self.file = OnnxFile(file, threads)
        self.unit_length = self.file.properties.get("unit_length") == "yes"

    def forward(self, frames: Tensor, valid: Tensor) -> SimpleNamespace:
        """An output with `descriptor` (B, D) alone, of frames (B, T, 3, H, W) in 0..1 and the mask (B, T)."""
        (descriptor,) = self.file(frames, valid)
        return SimpleNamespace(descriptor=descriptor)
