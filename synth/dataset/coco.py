"""A rendered set as COCO keypoint annotations, https://cocodataset.org/#format-data."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

import numpy as np
from tqdm import tqdm

from alignnet_common.arrays import Bools, Floats
from alignnet_common.coco18 import JOINTS
from alignnet_common.files import sha256_of_file
from alignnet_common.set_format import FRAMES_FOLDER, ManifestRow, frame_file
from synth.cameras.camera import HEIGHT, WIDTH
from synth.dataset.annotations import inside_crop
from synth.dataset.layout import RenderedSet
from synth.dataset.reader import read_truth

KEYPOINTS = (
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)
"""COCO's 17 keypoints in COCO's order."""

IN_COCO18 = [JOINTS.index(joint) for joint in KEYPOINTS]
"""Index in COCO-18 of each of KEYPOINTS."""

BONES = (
    ("left_ankle", "left_knee"),
    ("left_knee", "left_hip"),
    ("right_ankle", "right_knee"),
    ("right_knee", "right_hip"),
    ("left_hip", "right_hip"),
    ("left_shoulder", "left_hip"),
    ("right_shoulder", "right_hip"),
    ("left_shoulder", "right_shoulder"),
    ("left_shoulder", "left_elbow"),
    ("right_shoulder", "right_elbow"),
    ("left_elbow", "left_wrist"),
    ("right_elbow", "right_wrist"),
    ("left_eye", "right_eye"),
    ("nose", "left_eye"),
    ("nose", "right_eye"),
    ("left_eye", "left_ear"),
    ("right_eye", "right_ear"),
    ("left_ear", "left_shoulder"),
    ("right_ear", "right_shoulder"),
)
"""COCO's skeleton: pairs of joints that COCO's tools connect."""

CATEGORY = {
    "id": 1,
    "name": "person",
    "supercategory": "person",
    "keypoints": list(KEYPOINTS),
    "skeleton": [[KEYPOINTS.index(a) + 1, KEYPOINTS.index(b) + 1] for a, b in BONES],
}
"""COCO's record of the category person."""

USED = ("joints2d", "joints_visible", "mask", "visible_ratio", "box", "amodal_box", "outfit")
"""Annotation arrays that the JSON is made from."""


def write_coco(stream: TextIO, source: RenderedSet, rows: list[ManifestRow]) -> None:
    """Write the JSON of the clips `rows`, one image or annotation per line; the set need not fit into memory."""
    info = {
        "description": "synthetic people on video, with exact annotations",
        "manifest_sha256": sha256_of_file(source.manifest),
    }
    stream.write(f'{{\n"info": {json.dumps(info)},\n"licenses": [],\n"categories": {json.dumps([CATEGORY])},\n')
    write_list(stream, "images", (image(number, *frame) for number, frame in enumerate(frames_of(rows), start=1)))
    stream.write(",\n")
    write_list(stream, "annotations", annotations(source, tqdm(rows, "annotations", unit="clip", disable=None)))
    stream.write("\n}\n")


def write_list(stream: TextIO, name: str, items: Iterable[dict[str, Any]]) -> None:
    """Write `"name": [...]`, one item per line."""
    stream.write(f'"{name}": [')
    for number, item in enumerate(items):
        stream.write((",\n" if number else "\n") + json.dumps(item, allow_nan=False))
    stream.write("\n]")


def frames_of(rows: Iterable[ManifestRow]) -> Iterator[tuple[ManifestRow, int]]:
    """Every frame of the clips: the clip's row in the manifest, and the frame's number, from 1."""
    for row in rows:
        for frame in range(1, row["frames"] + 1):
            yield row, frame


def image(number: int, row: ManifestRow, frame: int) -> dict[str, Any]:
    """COCO's record of one frame."""
    name = f"{FRAMES_FOLDER}/{row['clip']}/{frame_file(frame)}"
    return {"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT}


def annotations(source: RenderedSet, rows: Iterable[ManifestRow]) -> Iterator[dict[str, Any]]:
    """COCO's record of the person in each frame, clip by clip; ids equal those of the images."""
    number = 0
    for row in rows:
        truth = read_truth(source, row["clip"], USED)
        for frame in range(row["frames"]):
            number += 1
            yield {
                "id": number,
                "image_id": number,
                "category_id": CATEGORY["id"],
                **annotation({name: values[frame] for name, values in truth.items()}),
                "person_id": row["person"],
                "camera": row["camera"],
                "frame": frame + 1,
                "outfit": int(truth["outfit"][frame]),
            }


def annotation(truth: dict[str, Any]) -> dict[str, Any]:
    """COCO's fields of a person, from one frame of the arrays USED.

    Two further fields: `visible_ratio`, 0..1, and `amodal_bbox`, the box of the whole person, hidden parts and those
    outside the frame included.
    """
    mask = truth["mask"]
    keypoints = keypoints_of(truth["joints2d"], truth["joints_visible"])
    x0, y0, x1, y1 = (float(edge) for edge in truth["box"])
    left, top, right, bottom = (float(edge) for edge in truth["amodal_box"])
    return {
        "keypoints": keypoints,
        "num_keypoints": sum(seen > 0 for seen in keypoints[2::3]),
        "bbox": [x0, y0, x1 - x0 + 1, y1 - y0 + 1] if mask.any() else [0, 0, 0, 0],
        "area": int(mask.sum()),
        "segmentation": {"size": list(mask.shape), "counts": run_lengths(mask)},
        "iscrowd": 0,
        "visible_ratio": round(float(truth["visible_ratio"]), 4),
        "amodal_bbox": [round(value, 2) for value in (left + 0.5, top + 0.5, right - left, bottom - top)],
    }


def keypoints_of(joints: Floats, seen: Bools) -> list[float]:
    """COCO's 17 × (x, y, v) from COCO-18 joints (18, 2) in pixels and their visibility `seen` (18,) bool.

    v is 2 for visible joints, 1 for hidden ones inside the frame, and 0 outside the frame, where x and y are 0.
    """
    inside = inside_crop(joints)
    values: list[float] = []
    for joint in IN_COCO18:
        x, y = (round(float(value), 2) for value in joints[joint])
        values += [x, y, 1 + int(seen[joint])] if inside[joint] else [0, 0, 0]
    return values


def run_lengths(mask: Bools) -> list[int]:
    """COCO's uncompressed RLE of a mask (H, W): lengths of runs in column order, beginning with background.

    >>> run_lengths(np.array([[False, True], [True, True]]))
    [1, 3]
    >>> run_lengths(np.array([[True, False]]))
    [0, 1, 1]
    """
    down = mask.ravel(order="F")
    changes = np.flatnonzero(down[1:] != down[:-1]) + 1
    runs = np.diff(changes, prepend=0, append=down.size).tolist()
    return [0, *runs] if down[0] else runs
