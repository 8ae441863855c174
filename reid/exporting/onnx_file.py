"""A program of torch.export as an ONNX file."""

import importlib.util
from collections.abc import Mapping
from typing import Any

import torch

from reid.exporting.graphs import Interface

MODULES = ("onnx", "onnxruntime", "onnxscript")
"""Modules of the extra `export`, which ONNX files need."""


def missing_modules() -> list[str]:
    """Those of `MODULES` that are not installed."""
    return [name for name in MODULES if importlib.util.find_spec(name) is None]


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
