"""Write a network as ONNX, as a program of torch.export, or as a model file to share, and compare it with its source.

    python -m reid.export --weights RUN --out F.onnx
    python -m reid.export --weights RUN --out F.onnx --int8 IMAGES
    python -m reid.export --weights RUN --out F.pt2 --format torch-export --graph both
    python -m reid.export --weights RUN --out F.safetensors --format safetensors --chunk 15

A file that differs from PyTorch is not left on the disk. The report F.json names the network, its inputs and outputs,
differences, sizes and versions.
"""

import time
from pathlib import Path
from typing import Any

import torch

from alignnet_common import PROJECT, __version__
from alignnet_common.errors import UserError
from alignnet_common.files import replacing, sha256_of_file, write_json
from alignnet_common.run_record import PACKAGES, command_line, now, run_record, versions
from reid.configs.export import ExportConfig
from reid.exporting.graphs import interface_of, program_of
from reid.exporting.int8 import chosen_images, quantise
from reid.exporting.model_file import write_model_file
from reid.exporting.onnx_file import MODULES, missing_modules, onnx_bytes
from reid.exporting.torch_file import open_program, program_bytes
from reid.exporting.verification import Case, cases_of, check_differences, differences
from reid.inference.network.onnx_network import OnnxFile
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import load_model
from reid.runtime.run_dir import MODEL, OLD_MODEL
from reid.runtime.weights_source import find_weights, shipped_networks

PROG = "python -m reid.export"
OLDEST_TORCH = (2, 6)
DISTANCE = "euclidean"
TRACKLETS = "mean of the descriptors of chunks without overlap; the last chunk may be shorter"
UNIT_LENGTH = "; scaled to length 1"
PIXELS = "RGB, 0..1; normalised inside"


def export(config: ExportConfig) -> None:
    """Write the files of --graph, --int8 and the report.

    Raises UserError on weights, paths or packages that do not fit, JobError where a file differs from PyTorch.
    """
    started, clock = now(), time.perf_counter()
    check_environment(config.format)
    check_paths(config)
    path = find_weights(config.weights)
    model, metadata = load_model(path)
    images = input_size(config, metadata)
    properties = described(model, model_name(config.weights, path), path, images)
    cases = cases_of(model, images["height"], images["width"])
    files: list[dict[str, Any]] = []
    quantised: list[dict[str, Any]] = []
    if config.format == "safetensors":
        files.append(write_model_file(model, metadata, images, config.out, config.float16, cases))
        print(model_file_in_text(files[-1]))
    else:
        write_graphs(config, model, properties, cases, files, quantised)
    record = {"network": properties, "files": files, "int8": quantised or None}
    used = {"versions": versions((*PACKAGES, *MODULES))}
    command = command_line(PROG)
    write_json(
        config.out.with_suffix(".json"),
        record | run_record(command, config, "cpu", started, time.perf_counter() - clock) | used,
    )


def write_graphs(
    config: ExportConfig,
    model: AlignNet,
    properties: dict[str, str],
    cases: tuple[Case, ...],
    files: list[dict[str, Any]],
    quantised: list[dict[str, Any]],
) -> None:
    """Write the files of --graph and --int8, and append their records to `files` and `quantised`."""
    for graph, file in config.files.items():
        files.append(write_graph(config, graph, file, model, properties, cases))
        print(in_text(files[-1]))
        if config.int8 is not None and graph != "pooling":
            out = file.with_suffix(".int8.onnx")
            quantised.append(quantise(file, out, graph, config.int8, config.calibration_images, config.int8_bits))
            print(int8_in_text(quantised[-1]))


def check_environment(wanted: str) -> None:
    """Raise UserError where packages that a format needs are missing or too old."""
    if tuple(int(part) for part in torch.__version__.split(".")[:2]) < OLDEST_TORCH:
        oldest = ".".join(map(str, OLDEST_TORCH))
        raise UserError(f"reid export needs PyTorch {oldest} or newer, this is {torch.__version__}: update torch")
    absent = missing_modules()
    if wanted == "onnx" and absent:
        raise UserError(f"--format onnx needs {', '.join(absent)}: pip install 'alignnet-reid[export]'")


def check_paths(config: ExportConfig) -> None:
    """Raise UserError where --out cannot be written or --int8 has no images."""
    if not config.out.parent.is_dir():
        raise UserError(f"--out {config.out}: no folder {config.out.parent}: make it, or name another file")
    taken = next((file for file in config.files.values() if file.is_dir()), None)
    if taken is not None:
        raise UserError(f"--out {config.out}: {taken} is a folder; name a file")
    if config.int8 is not None:
        chosen_images(config.int8, config.calibration_images)


def model_name(source: str, path: Path) -> str:
    """Name of a shipped network as given; else of the run's folder, or of the file without suffix: no path."""
    if source in shipped_networks():
        return source
    return path.absolute().parent.name if path.name in (MODEL, OLD_MODEL) else path.stem


def input_size(config: ExportConfig, metadata: dict[str, Any]) -> dict[str, int]:
    """Height, width and frames in a chunk, from the options or the training.

    Raises UserError where neither names a size.
    """
    found: dict[str, int] = dict(metadata.get("images", {}))
    for name in ("height", "width"):
        size = getattr(config, name) or found.get(name)
        if size is None:
            raise UserError(f"--weights {config.weights}: the file names no {name} of its frames: --height and --width")
        found[name] = size
    found["chunk"] = config.chunk or found.get("chunk", 15)
    return found


def described(model: AlignNet, name: str, path: Path, images: dict[str, int]) -> dict[str, str]:
    """What a file says about its network, as text."""
    return {
        "model": name,
        "model_sha256": sha256_of_file(path),
        "variant": model.config.variant,
        "backbone": model.config.appearance,
        "input_height": str(images["height"]),
        "input_width": str(images["width"]),
        "pixels": PIXELS,
        "descriptor_size": str(model.descriptor_size),
        "chunk": str(images["chunk"]),
        "tracklets": TRACKLETS + (UNIT_LENGTH if model.config.unit_length else ""),
        "unit_length": "yes" if model.config.unit_length else "no",
        "distance": DISTANCE,
        "made_by": f"{PROJECT} {__version__}",
    }


def write_graph(
    config: ExportConfig,
    graph: str,
    file: Path,
    model: AlignNet,
    properties: dict[str, str],
    cases: tuple[Case, ...],
) -> dict[str, Any]:
    """Write a graph and compare it with PyTorch; returns the record. Raises JobError, without a file, if it differs."""
    height, width = (int(properties[name]) for name in ("input_height", "input_width"))
    interface = interface_of(graph, model, height, width)
    program = program_of(graph, model, interface)
    said = properties | {"graph": graph}
    with replacing(file) as partial:
        if config.format == "onnx":
            partial.write_bytes(onnx_bytes(program, interface, config.opset, said))
            found = differences(OnnxFile(partial), graph, cases)
        else:
            partial.write_bytes(program_bytes(program, said))
            found = differences(open_program(partial)[0], graph, cases)
        check_differences(found, str(file))
    return {
        "file": file.name,
        "graph": graph,
        "format": config.format,
        "opset": config.opset if config.format == "onnx" else None,
        "bytes": file.stat().st_size,
        "sha256": sha256_of_file(file),
        "inputs": interface.inputs,
        "outputs": interface.outputs,
        "differences": found,
        "largest_difference": max(found.values()),
    }


def in_text(record: dict[str, Any]) -> str:
    """A written file as a line."""
    cases = ", ".join(f"{name} {value:.1e}" for name, value in record["differences"].items())
    return f"{record['file']}: {record['bytes'] / 2**20:.1f} MiB; largest difference from PyTorch: {cases}"


def model_file_in_text(record: dict[str, Any]) -> str:
    """A written model file as a line."""
    size, cosine = record["bytes"] / 1e6, record["lowest_cosine"]
    return f"{record['file']}: {size:.1f} MB; lowest cosine similarity to the source: {cosine:.6f}"


def int8_in_text(record: dict[str, Any]) -> str:
    """A quantised file as a line."""
    cosine, smaller = record["cosine_to_float"], record["bytes_of_float"] / record["bytes"]
    return (
        f"{record['file']}: {record['bytes'] / 2**20:.1f} MiB, {smaller:.1f} times smaller; cosine to float: "
        f"mean {cosine['mean']:.4f}, lowest {cosine['lowest']:.4f} of {cosine['images']} images"
    )
