"""Rows of the manifest and the plan of a rendered set, whose names become paths."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from alignnet_common.checked.forms import AtLeast, FormError
from alignnet_common.checked.json_file import rows_of
from alignnet_common.set_format import CLIP_NAME, ManifestRow

MOST_FRAMES = 99_999
"""Frames of a clip, at most."""

FIELDS: dict[str, Any] = {
    "clip": str,
    "person": AtLeast(0, int),
    "camera": str,
    "frames": AtLeast(1, int, MOST_FRAMES),
    "outfits": [AtLeast(0, int)],
    "pixels_sha256": str,
    "annotations_sha256": str,
    "plan_sha256": str,
    "visible_ratio": float,
    "generator": str,
    "blender": (str, None),
}
"""Forms of the fields of a row of the manifest."""


def manifest_rows(path: Path, needed: Sequence[str] = ("clip",)) -> list[ManifestRow]:
    """Rows of a manifest, in the file's order. A last line cut short by a crash is left out.

    needed -- fields that every row must have. Raises ValueError if a line is not JSON; FormError if a row has no
    name of a clip, lacks a field of `needed`, or has a field in another form; OSError if the file cannot be read.
    """
    form = {name if name in needed else f"{name}?": each for name, each in FIELDS.items()}
    return cast(list[ManifestRow], list(_of_clips(path, form)))


def read_manifest(path: Path, needed: Sequence[str] = ("clip",)) -> dict[str, ManifestRow]:
    """Rows of a manifest by the name of their clip. Raises as `manifest_rows`."""
    return {row["clip"]: row for row in manifest_rows(path, needed)}


def plan_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a plan; of their fields, `clip` alone is checked. Raises as `manifest_rows`."""
    yield from _of_clips(path, {"clip": str})


def _of_clips(path: Path, form: Any) -> Iterator[dict[str, Any]]:
    for row in rows_of(path, form, strict=False):
        if not CLIP_NAME.fullmatch(row["clip"]):
            raise FormError(f'{path}: a row without a clip such as "cam_a/person_0001": {row["clip"]!r}')
        if row.get("outfits") == []:
            raise FormError(f"{path}: {row['clip']} has no outfit")
        yield row
