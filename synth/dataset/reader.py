"""Reading a rendered set: manifest rows, annotation arrays, and what is wrong with a clip's files."""

from collections.abc import Iterable
from typing import Any, cast

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from alignnet_common.errors import UserError
from alignnet_common.files import BROKEN_ARRAYS, read_jsonl
from alignnet_common.set_format import MANIFEST, ManifestRow, frame_file
from synth.dataset.hashes import arrays_sha256, pixels_sha256
from synth.dataset.layout import RenderedSet


def finished_rows(source: RenderedSet) -> list[ManifestRow]:
    """Rows of the clips that are finished, in the manifest's order.

    Raises UserError where there is no set, where no clip is finished, and where a clip has lost files since.
    """
    if not source.manifest.is_file():
        raise UserError(
            f"{source.out} holds no {MANIFEST}: render a set with python -m synth.render --out {source.out}"
        )
    try:
        rows = cast(list[ManifestRow], read_jsonl(source.manifest))
    except ValueError as broken:
        raise UserError(f"{broken}; render the set again to another folder") from None
    if not all(isinstance(row, dict) and {"clip", "person", "camera", "frames"} <= row.keys() for row in rows):
        raise UserError(f"{source.manifest} is not a rendered set's: name another folder with --data")
    if not rows:
        raise UserError(f"{source.manifest} names no clip yet: let python -m synth.render finish")
    lost = next((row["clip"] for row in rows if not is_whole(source, row)), None)
    if lost:
        raise UserError(f"{source.out} has lost files of {lost}: the command that rendered the set makes them again")
    return rows


def read_truth(source: RenderedSet, clip: str, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Some of the arrays that `annotation_arrays` made of a clip. Raises UserError where they cannot be read."""
    path = source.annotation(clip)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in names}
    except FileNotFoundError:
        raise UserError(f"{path} is missing: the command that rendered the set makes it again") from None
    except (*BROKEN_ARRAYS, KeyError):
        raise UserError(f"{path} is broken: delete it, and the command that rendered the set makes it again") from None


def is_whole(source: RenderedSet, row: ManifestRow) -> bool:
    """Whether all files of a manifest's row are there; what is in them is for `fault_of` to say."""
    frames = sum(1 for _ in source.frames(row["clip"]).glob("*.png"))
    return frames == row["frames"] and source.annotation(row["clip"]).is_file()


def fault_of(source: RenderedSet, row: ManifestRow) -> str | None:
    """What is wrong with the files of a manifest's row, in a few words; None where every one is as it was rendered."""
    folder, file = source.frames(row["clip"]), source.annotation(row["clip"])
    wanted = [frame_file(number) for number in range(1, row["frames"] + 1)]
    there = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if lacking := sorted(set(wanted) - set(there)):
        return f"lacks {folder / lacking[0]}" + (f" and {len(lacking) - 1} more" if len(lacking) > 1 else "")
    if surplus := sorted(set(there) - set(wanted)):
        return f"has a file too many, {folder / surplus[0]}"
    if not file.is_file():
        return f"lacks {file}"
    frames = []
    for name in wanted:
        try:
            frames.append(iio.imread(folder / name))
        except (OSError, ValueError, SyntaxError) as broken:  # Pillow's own for a bad chunk is a SyntaxError
            return f"{folder / name} is broken ({' '.join(str(broken).split())})"
    if len({frame.shape for frame in frames}) > 1 or pixels_sha256(np.stack(frames)) != row["pixels_sha256"]:
        return f"{folder} has pixels that were not rendered"
    try:
        with np.load(file, allow_pickle=False) as arrays:
            found = arrays_sha256({name: arrays[name] for name in arrays.files})
    except (*BROKEN_ARRAYS, KeyError) as broken:
        return f"{file} is broken ({' '.join(str(broken).split())})"
    # Sets of before this hash was kept have none.
    return f"{file} is not what was rendered" if row.get("annotations_sha256", found) != found else None
