"""Files of torch.export: a program as .pt2, and a file as something to call."""

import io
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from reid.exporting.verification import Runner

PROPERTIES = "properties.json"
"""The file of the archive that holds the metadata."""


def program_bytes(program: torch.export.ExportedProgram, properties: Mapping[str, str]) -> bytes:
    """The content of a .pt2 file. properties -- the file's metadata, `PROPERTIES` of `torch.export.load`.

    Traces of the source code, with paths of this machine, are removed from `program`.
    """
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    stream = io.BytesIO()
    torch.export.save(program, stream, extra_files={PROPERTIES: json.dumps(dict(properties), indent=2)})
    return stream.getvalue()


def open_program(file: Path) -> tuple[Runner, dict[str, str]]:
    """A .pt2 file as something to call, and its metadata."""
    extra = {PROPERTIES: ""}
    module = torch.export.load(io.BytesIO(file.read_bytes()), extra_files=extra).module()

    def run(*inputs: Tensor) -> tuple[Tensor, ...]:
        with torch.inference_mode():
            found = module(*inputs)
        return (found,) if isinstance(found, Tensor) else tuple(found)

    return run, json.loads(extra[PROPERTIES])
