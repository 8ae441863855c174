"""Layout and fields of a rendered set, as `synth` writes and `reid` reads it. The frames are laid out as in PRID2011.

SET/multi_shot/cam_a/person_0001/0001.png …   frames of a clip, numbered from 1
SET/annotations/cam_a/person_0001.npz         arrays of a clip, see ANNOTATIONS
SET/plan.jsonl                                one row per planned clip
SET/manifest.jsonl                            one row per finished clip, see ManifestRow
SET/config.yaml, SET/result.json              options and summary of the command that rendered the set
SET/README.md                                 data-set card, written when the set is complete
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict, cast

import numpy as np
from numpy.typing import NDArray

from alignnet_common.files import read_jsonl

GENERATOR_VERSION = "4.3"
"""Version of the people, scenes and cameras that `synth.render` draws and renders.

Raise it with every change after which the same options give other pixels, plans or annotations, and add a row to the
table in CHANGELOG.md: the first number for new kinds of content (clothes, scenes, motion, sightings), the second for
every other change. Changes of speed, commands or file names leave it as it is, and so do an option whose default gives
the pixels and plans of before, and an annotation array that is added.
"""

UNKNOWN_GENERATOR = "not recorded"
"""Generator version of a clip whose row names none: sets rendered before version 4.3 was named."""

CameraName = Literal["cam_a", "cam_b"]
CAMERAS: tuple[CameraName, ...] = ("cam_a", "cam_b")

FRAMES_FOLDER, ANNOTATIONS_FOLDER = "multi_shot", "annotations"
PLAN, MANIFEST, CONFIG, RESULT = "plan.jsonl", "manifest.jsonl", "config.yaml", "result.json"
CARD = "README.md"

CLIP_NAME = re.compile(r"cam_[a-z]/person_\d+")
"""Pattern of a clip's name."""


class ManifestRow(TypedDict, total=False):
    """Row of manifest.jsonl. Sets of older versions lack the fields that were added later."""

    clip: str
    """Name of the clip, such as cam_a/person_0001."""
    person: int
    camera: str
    frames: int
    """Number of frames."""
    outfits: list[int]
    """Number of the person's outfit in each sighting, from 0. Rows without it are of people with one outfit, 0."""
    pixels_sha256: str
    """Hash of the decoded frames, see `synth.dataset.hashes.pixels_sha256`."""
    annotations_sha256: str
    """Hash of the annotation arrays, see `synth.dataset.hashes.arrays_sha256`."""
    plan_sha256: str
    """Hash of the clip's row in plan.jsonl, see `synth.planning.clip.row_hash`."""
    visible_ratio: float
    """Mean over the frames, 0..1."""
    generator: str
    """GENERATOR_VERSION of the command that rendered the clip."""
    blender: str
    """Version of Blender's module that rendered the clip: pixels may differ between versions."""


@dataclass(frozen=True)
class ArrayFormat:
    """Shape, type and unit of one annotation array."""

    shape: tuple[int | str, ...]
    """Axis lengths; T is the number of frames, H × W (128 × 64) the size of a frame in pixels."""
    dtype: str
    unit: str

    def fits(self, array: NDArray[Any], frames: int) -> bool:
        """Whether an array of `frames` frames has this shape and kind of number; H, W and the precision are free."""
        if array.ndim != len(self.shape) or array.dtype.kind != np.dtype(self.dtype).kind:
            return False
        lengths = [frames if length == "T" else length for length in self.shape]
        return all(wanted in ("H", "W", found) for wanted, found in zip(lengths, array.shape, strict=True))


ANNOTATIONS = {
    "joints2d": ArrayFormat(("T", 18, 2), "float32", "x, y in pixels; (0, 0) is the centre of the top left pixel"),
    "joints3d": ArrayFormat(("T", 18, 3), "float32", "metres in the world: Z up, ground at 0"),
    "joints_visible": ArrayFormat(("T", 18), "bool", "inside the frame and not hidden"),
    "mask": ArrayFormat(("T", "H", "W"), "bool", "pixels that the person covers by half or more"),
    "part_masks": ArrayFormat(("T", 3, "H", "W"), "bool", "the mask divided into upper, middle and lower part"),
    "visible_ratio": ArrayFormat(("T",), "float32", "visible share of the person's silhouette, 0..1"),
    "box": ArrayFormat(("T", 4), "float32", "x0, y0, x1, y1 of the visible pixels, in pixels; zeros if none"),
    "amodal_box": ArrayFormat(("T", 4), "float32", "x0, y0, x1, y1 of the whole person, hidden or not, in pixels"),
    "intrinsics": ArrayFormat(("T", 3, 3), "float32", "camera matrix; (0, 0) is the top left corner of the frame"),
    "rotation": ArrayFormat((3, 3), "float32", "world to camera"),
    "translation": ArrayFormat((3,), "float32", "metres, world to camera"),
    "sighting": ArrayFormat(("T",), "int64", "number of the sighting that each frame is of, from 0"),
    "outfit": ArrayFormat(("T",), "int64", "number of the person's outfit in each frame, from 0"),
    "joint_names": ArrayFormat((18,), "str", "names of the COCO-18 joints"),
    "part_names": ArrayFormat((3,), "str", "upper, middle, lower"),
}
"""Arrays of a clip's .npz by name, in the order they are written."""


def select_arrays(arrays: Mapping[str, NDArray[Any]], names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Those of a clip's annotation arrays by name. Clips of generators without outfits show outfit 0 in every frame.

    Raises KeyError if another one is missing.
    """

    def one(name: str) -> NDArray[Any]:
        missing = name == "outfit" and name not in arrays
        return np.zeros(len(arrays["visible_ratio"]), np.int64) if missing else arrays[name]

    return {name: one(name) for name in names}


def person_folder(person: int) -> str:
    """Name of a person's folder, such as person_0001."""
    return f"person_{person:04d}"


def clip_name(camera: str, person: int) -> str:
    """Name of a clip, such as cam_a/person_0001: the path of its frames below FRAMES_FOLDER."""
    return f"{camera}/{person_folder(person)}"


def clip_of(frame: Path) -> str:
    """Name of the clip that a frame's file belongs to: SET/multi_shot/cam_a/person_0001/0001.png gives
    cam_a/person_0001."""
    return "/".join(frame.parts[-3:-1])


def frame_file(number: int) -> str:
    """File name of frame `number`, counted from 1."""
    return f"{number:04d}.png"


def frames_folder(root: Path, clip: str) -> Path:
    """Folder of a clip's frames in the set at `root`."""
    return root / FRAMES_FOLDER / clip


def annotation_file(root: Path, clip: str) -> Path:
    """The .npz file of a clip in the set at `root`."""
    return root / ANNOTATIONS_FOLDER / f"{clip}.npz"


def generator_versions(rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Number of clips of each generator version in rows of a manifest, most frequent first; rows of older sets, which
    name no version, count as UNKNOWN_GENERATOR."""
    return dict(Counter(str(row.get("generator", UNKNOWN_GENERATOR)) for row in rows).most_common())


def has_outfits(row: Mapping[str, Any]) -> bool:
    """Whether `outfits` of a manifest's row is a list of numbers from 0, at least one, or is not there."""
    found = row.get("outfits", [0])
    return isinstance(found, list) and bool(found) and all(type(number) is int and number >= 0 for number in found)


def read_manifest(path: Path) -> dict[str, ManifestRow]:
    """Rows of a manifest by the name of their clip, in the file's order. A last line cut short by a crash is left out.

    Raises ValueError if a line is not JSON or names no clip, OSError if the file cannot be read.
    """
    rows = read_jsonl(path)
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("clip"), str):
            raise ValueError(f'{path}: a row without the field clip, such as "cam_a/person_0001": {row}')
    return {row["clip"]: cast(ManifestRow, row) for row in rows}
