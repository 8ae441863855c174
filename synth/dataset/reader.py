"""Reads a rendered set: rows of the manifest, annotation arrays, and checks of a clip's files."""

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alignnet_common.arrays import Bytes
from alignnet_common.errors import UserError
from alignnet_common.files import BROKEN_ARRAYS, read_jsonl
from alignnet_common.images import check_size
from alignnet_common.set_format import MANIFEST, ManifestRow, frame_file, has_outfits, select_arrays
from synth.dataset.hashes import arrays_sha256, pixels_sha256
from synth.dataset.layout import RenderedSet


def finished_rows(source: RenderedSet) -> list[ManifestRow]:
    """Rows of the finished clips, in the manifest's order.

    Raises UserError if there is no set, no finished clip, or a finished clip with missing files.
    """
    if not source.manifest.is_file():
        raise UserError(
            f"{source.out} holds no {MANIFEST}: render a set with python -m synth.render --out {source.out}"
        )
    try:
        rows = cast(list[ManifestRow], read_jsonl(source.manifest))
    except ValueError as broken:
        raise UserError(f"{broken}; render the set again to another folder") from None
    named = {"clip", "person", "camera", "frames"}
    if not all(isinstance(row, dict) and named <= row.keys() and has_outfits(row) for row in rows):
        raise UserError(f"{source.manifest} is not a rendered set's: name another folder with --data")
    if not rows:
        raise UserError(f"{source.manifest} names no clip yet: let python -m synth.render finish")
    lost = next((row["clip"] for row in rows if not has_all_files(source, row)), None)
    if lost:
        raise UserError(f"{source.out} has lost files of {lost}: repeat the command that rendered the set")
    return rows


def read_truth(source: RenderedSet, clip: str, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """The arrays `names` of a clip, with the shapes of `ANNOTATIONS`. Raises UserError if they cannot be read."""
    path = source.annotation(clip)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return select_arrays(arrays, names)
    except FileNotFoundError:
        raise UserError(f"{path} is missing: repeat the command that rendered the set") from None
    except (*BROKEN_ARRAYS, KeyError):
        raise UserError(f"{path} is broken: delete it and repeat the command that rendered the set") from None


def read_png(path: Path) -> Bytes:
    """A frame (H, W, 3) as it was rendered. Raises OSError, ValueError, SyntaxError or struct.error where it is
    damaged, or its file states an enormous size."""
    with Image.open(path) as image:
        check_size(image)
        return np.asarray(image.convert("RGB") if image.mode == "P" else image)


def has_all_files(source: RenderedSet, row: ManifestRow) -> bool:
    """Whether a clip has its frames and annotations. Their content is checked by `clip_error`."""
    frames = sum(1 for _ in source.frames(row["clip"]).glob("*.png"))
    return frames == row["frames"] and source.annotation(row["clip"]).is_file()


def clip_error(source: RenderedSet, row: ManifestRow) -> str | None:
    """A message about the first error in the files of a clip; None if all files are as they were rendered."""
    folder, file = source.frames(row["clip"]), source.annotation(row["clip"])
    wanted = [frame_file(number) for number in range(1, row["frames"] + 1)]
    found_names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if missing := sorted(set(wanted) - set(found_names)):
        return f"{folder / missing[0]} is missing" + (f" and {len(missing) - 1} more" if len(missing) > 1 else "")
    if unexpected := sorted(set(found_names) - set(wanted)):
        return f"{folder / unexpected[0]} is unexpected"
    if not file.is_file():
        return f"{file} is missing"
    frames = []
    for name in wanted:
        try:
            frames.append(read_png(folder / name))
        except (OSError, ValueError, SyntaxError, struct.error) as broken:  # Pillow's, SyntaxError for a bad chunk
            return f"{folder / name} is broken ({' '.join(str(broken).split())})"
    if len({frame.shape for frame in frames}) > 1 or pixels_sha256(np.stack(frames)) != row["pixels_sha256"]:
        return f"{folder} has other pixels than were rendered"
    try:
        with np.load(file, allow_pickle=False) as arrays:
            found = arrays_sha256({name: arrays[name] for name in arrays.files})
    except (*BROKEN_ARRAYS, KeyError) as broken:
        return f"{file} is broken ({' '.join(str(broken).split())})"
    # Older sets have no annotation hash.
    return f"{file} has other arrays than were rendered" if row.get("annotations_sha256", found) != found else None
