"""The content of a folder as leaves: what each file says, without what differs between two undisturbed runs."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

Leaves = dict[str, str]

OF_THE_CALL = re.compile(
    r".*/(started|seconds|[a-z_]*_seconds|seconds_[a-z]+|images_per_second"
    r"|added|described|device|command|bytes|clips_rendered_now|resumed_after|reused)"
)
"""Places that say what the last call of a command did, and when: a command that goes on does less."""

NAMED_BY_TIME = re.compile(r"events\.out\.tfevents.*")


def leaves(folder: Path) -> Leaves:
    """What every file below a folder says: a text by "file#place in the file". Folders and links are not followed."""
    found: Leaves = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = NAMED_BY_TIME.sub("events", str(path.relative_to(folder)))
            found[name] = "there"
            said = {f"{name}#{place}": text for place, text in _said(path)}
            found |= {place: text for place, text in said.items() if not OF_THE_CALL.fullmatch(place)}
    return found


def steady(first: Leaves, second: Leaves) -> Leaves:
    """The leaves that two undisturbed runs have in common."""
    return {place: said for place, said in first.items() if second.get(place) == said}


def differences(wanted: Leaves, found: Leaves) -> list[str]:
    """Places at which `found` lacks a wanted leaf or has another, then files that nobody wants."""
    other = [place for place, said in wanted.items() if found.get(place) != said]
    files = {place for place in found if "#" not in place}
    return other + sorted(f"{name} (left over)" for name in files - set(wanted))


def _said(path: Path) -> Iterator[tuple[str, str]]:
    if path.name.startswith("events."):
        return
    match path.suffix:
        case ".json":
            yield from _flat(json.loads(path.read_text()))
        case ".jsonl":
            yield from _flat([json.loads(line) for line in path.read_text().splitlines()])
        case ".npz" | ".npy":
            loaded = np.load(path)
            yield from _flat(dict(loaded) if path.suffix == ".npz" else {"array": loaded})
        case ".pt":
            import torch

            yield from _flat(torch.load(path, weights_only=True, map_location="cpu"))
        case ".safetensors":
            from safetensors.numpy import load_file

            yield from _flat(load_file(path))
        case _:
            yield "bytes", hashlib.sha256(path.read_bytes()).hexdigest()


def _flat(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every leaf of nested mappings and sequences."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{place}/{key}")
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(value):
            yield from _flat(inner, f"{place}/{number}")
    elif hasattr(value, "shape"):
        array = np.ascontiguousarray(value)
        yield place, f"{array.dtype}{array.shape}{hashlib.sha256(array.tobytes()).hexdigest()}"
    else:
        yield place, str(value)
