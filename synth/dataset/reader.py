"""Reads a rendered set: rows of the manifest, annotation arrays, and checks of a clip's files."""

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alignnet_common.arrays import Bytes
from alignnet_common.checked.annotations import read_annotations
from alignnet_common.checked.arrays_file import BrokenArraysError, read_npz
from alignnet_common.checked.forms import FormError
from alignnet_common.checked.set_rows import manifest_rows
from alignnet_common.errors import UserError, one_line
from alignnet_common.images import check_size
from alignnet_common.set_format import MANIFEST, ManifestRow, frame_file
from synth.dataset.hashes import arrays_sha256, pixels_sha256
from synth.dataset.layout import RenderedSet

AGAIN = "delete it and repeat the command that rendered the set"


def finished_rows(source: RenderedSet) -> list[ManifestRow]:
    """Rows of the finished clips, in the manifest's order.

    Raises UserError if there is no set, no finished clip, or a finished clip with missing files.
    """
    if not source.manifest.is_file():
        raise UserError(
            f"{source.out} holds no {MANIFEST}: render a set with python -m synth.render --out {source.out}"
        )
    try:
        rows = manifest_rows(source.manifest, ("clip", "person", "camera", "frames"))
    except FormError as other:
        raise UserError(f"{other}: not a rendered set's: name another folder with --data") from None
    except ValueError as broken:
        raise UserError(f"{broken}; render the set again to another folder") from None
    if not rows:
        raise UserError(f"{source.manifest} names no clip yet: let python -m synth.render finish")
    lost = next((row["clip"] for row in rows if not has_all_files(source, row)), None)
    if lost:
        raise UserError(f"{source.out} has lost files of {lost}: repeat the command that rendered the set")
    return rows


def read_truth(source: RenderedSet, clip: str, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """The arrays `names` of a clip, with the shapes of `ANNOTATIONS`. Raises UserError if they cannot be read."""
    path = source.annotation(clip)
    frames = sum(1 for _ in source.frames(clip).glob("*.png"))

    try:
        found = read_annotations(path, names, frames)
    except FileNotFoundError:
        raise UserError(f"{path} is missing: repeat the command that rendered the set") from None
    except BrokenArraysError as broken:
        raise UserError(
            f"{path} is broken ({broken}): delete it and repeat the command that rendered the set"
        ) from None
    if not all(np.isfinite(array).all() for array in found.values() if array.dtype.kind == "f"):
        raise UserError(
            f"{path} has numbers that are not finite: delete it and repeat the command that rendered the set"
        )
    return found


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
            return f"{folder / name} is broken ({one_line(broken)})"
    if len({frame.shape for frame in frames}) > 1 or pixels_sha256(np.stack(frames)) != row.get("pixels_sha256"):
        return f"{folder} has other pixels than were rendered"
    try:
        found = arrays_sha256(read_npz(file))
    except (BrokenArraysError, OSError) as broken:
        return f"{file} is broken ({one_line(broken)})"
    # Older sets have no annotation hash.
    return f"{file} has other arrays than were rendered" if row.get("annotations_sha256", found) != found else None
