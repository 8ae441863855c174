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
from typing import Any, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

GENERATOR_VERSION = "4.4"
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
        return self.fits_header(array.shape, array.dtype, frames)

    def fits_header(self, shape: tuple[int, ...], kind: np.dtype[Any], frames: int) -> bool:
        """Whether an array of this shape and type fits `frames` frames, see `fits`."""
        if len(shape) != len(self.shape) or kind.kind != np.dtype(self.dtype).kind:
            return False
        lengths = [frames if length == "T" else length for length in self.shape]
        return all(wanted in ("H", "W", found) for wanted, found in zip(lengths, shape, strict=True))


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
