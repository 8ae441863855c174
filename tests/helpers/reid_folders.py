"""Small data sets in the layouts of the real ones. Persons are colored rectangles; their clothes identify them."""

import hashlib
import json
import sys
from pathlib import Path
from unittest.mock import patch

import imageio.v3 as iio
import numpy as np
import pytest
from scipy import io

from alignnet_common.set_format import (
    CAMERAS,
    FRAMES_FOLDER,
    MANIFEST,
    annotation_file,
    clip_name,
    frame_file,
    person_folder,
)
from reid.commands import PROGRAM

# x, y of the 18 COCO joints of a figure that faces the camera, in pixels of 128x64.
FIGURE = np.array(
    [
        *[(32, 18), (32, 30), (22, 32), (18, 46), (16, 60), (42, 32), (46, 46), (48, 60), (26, 64)],
        *[(26, 88), (26, 112), (38, 64), (38, 88), (38, 112), (30, 16), (34, 16), (28, 17), (36, 17)],
    ],
    dtype=np.float32,
)


def figure(pid: int, camera: int, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """A frame (128, 64, 3) uint8 and its joints (18, 2). The pid sets the clothes, the camera the background."""
    shirt, trousers = np.random.default_rng([pid, 1]).integers(30, 225, (2, 3))
    noise = np.random.default_rng([pid, camera, frame])
    image = np.full((128, 64, 3), 70 + 60 * camera, np.int64)
    down, right = noise.integers(-4, 5, 2)
    for top, bottom, left, right_edge, colour in (
        (10, 26, 26, 38, (200, 160, 130)),
        (28, 64, 18, 46, shirt),
        (64, 116, 22, 42, trousers),
    ):
        image[top + down : bottom + down, left + right : right_edge + right] = colour
    image = image * (1.0 if camera == 0 else 0.8) + noise.normal(0, 6, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8), FIGURE + np.array([right, down], np.float32)


def write_prid(
    root: Path, persons: int = 8, frames: int = 6, names: list[str] | None = None, inner: str = FRAMES_FOLDER
) -> Path:
    """PRID2011's layout: ROOT/multi_shot/cam_{a,b}/person_0001/0001.png."""
    names = names or [person_folder(pid) for pid in range(1, persons + 1)]
    for number, camera in enumerate(CAMERAS):
        for name in names:
            folder = root / inner / camera / name
            folder.mkdir(parents=True)
            for frame in range(1, frames + 1):
                image, _ = figure(int(name[-4:]), number, frame)
                iio.imwrite(folder / frame_file(frame), image)
    return root


def write_splits(root: Path, persons: int = 8, count: int = 10) -> Path:
    """A splits_prid2011.json of `count` splits of persons 1, 2, … into halves."""
    names = [person_folder(pid) for pid in range(1, persons + 1)]
    rows = []
    for number in range(count):
        turned = names[number % persons :] + names[: number % persons]
        rows.append({"train": turned[: persons // 2], "test": turned[persons // 2 :]})
    path = root / "splits_prid2011.json"
    path.write_text(json.dumps(rows))
    return path


def write_rendered(root: Path, persons: int = 8, frames: int = 6, first: int = 1) -> Path:
    """A rendered set: PRID2011's layout, annotations and a manifest."""
    write_prid(root, frames=frames, names=[person_folder(pid) for pid in range(first, first + persons)])
    rows = []
    for number, camera in enumerate(CAMERAS):
        for pid in range(first, first + persons):
            drawn = [figure(pid, number, frame) for frame in range(1, frames + 1)]
            joints = np.stack([points for _, points in drawn])
            annotations = annotation_file(root, clip_name(camera, pid))
            annotations.parent.mkdir(parents=True, exist_ok=True)
            np.savez_compressed(
                annotations,
                joints2d=joints,
                joints3d=np.zeros((frames, 18, 3), np.float32),
                joints_visible=np.ones((frames, 18), bool),
                mask=np.zeros((frames, 128, 64), bool),
                visible_ratio=np.ones(frames, np.float32),
            )
            pixels = hashlib.sha256(b"".join(image.tobytes() for image, _ in drawn)).hexdigest()
            rows.append({"clip": clip_name(camera, pid), "frames": frames, "pixels_sha256": pixels})
    (root / MANIFEST).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


def write_market(root: Path, persons: int = 12, folder: str = "bounding_box_train", cameras: int = 2) -> Path:
    """Market-1501's layout: ROOT/bounding_box_train/0002_c1s1_000451_03.jpg, two frames for each (pid, camera)."""
    (root / folder).mkdir(parents=True, exist_ok=True)
    for pid in range(2, 2 + persons):
        for camera in range(1, 1 + cameras):
            for frame in (51, 151):
                image, _ = figure(pid, camera - 1, frame)
                iio.imwrite(root / folder / f"{pid:04d}_c{camera}s1_{frame:06d}_01.jpg", image, quality=95)
    return root


DOT = iio.imwrite("<bytes>", np.full((4, 2, 3), 90, np.uint8), extension=".png")
"""A valid PNG of 4x2 pixels, for tests of folders where the pixels do not matter."""


def write_dots(folder: Path, names: list[str]) -> None:
    """A folder of identical images."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(DOT)


def write_splits_mat(path: Path, persons: int, count: int = 10, key: str = "ls_set") -> np.ndarray:
    """A train_test_splits_*.mat: `count` random orders of 1-based positions; returns the table as written."""
    rng = np.random.default_rng(persons)
    table = np.stack([rng.permutation(persons) + 1 for _ in range(count)]).astype(np.uint16)
    path.parent.mkdir(parents=True, exist_ok=True)
    io.savemat(path, {key: table})
    return table


def write_ilids(root: Path, persons: int = 8, frames: int = 2, splits: bool = True, inner: str = "i-LIDS-VID") -> Path:
    """iLIDS-VID's layout, with gaps between the persons' numbers. Frame numbers do not start at 1."""
    for camera in ("cam1", "cam2"):
        for number in range(1, persons + 1):
            name = f"person{number + number // 4:03d}"
            folder = root / inner / "sequences" / camera / name
            write_dots(folder, [f"{camera}_{name}_{frame:05d}.png" for frame in range(317, 317 + frames)])
    if splits:
        write_splits_mat(root / "train-test people splits" / "train_test_splits_ilidsvid.mat", persons)
    return root


MARS_TRAIN = ((1, 1, 3), (1, 2, 2), (2, 1, 2), (2, 3, 2), (3, 1, 2), (3, 2, 2))
MARS_TEST = ((-1, 1, 2), (0, 2, 2), (4, 1, 2), (4, 1, 3), (4, 2, 2), (6, 2, 2), (6, 3, 4), (8, 1, 2))
"""(pid, camera, frames) of each tracklet of the small MARS."""


def write_mars(root: Path, queries: tuple[int, ...] = (3, 5, 6, 7)) -> Path:
    """MARS' layout with the tracklets MARS_TRAIN and MARS_TEST; `queries` are rows of the test table, from 1."""
    (root / "info").mkdir(parents=True)
    for side, rows in (("train", MARS_TRAIN), ("test", MARS_TEST)):
        table, names = [], []
        for number, (pid, camera, frames) in enumerate(rows, start=1):
            person = "00-1" if pid == -1 else f"{pid:04d}"
            some = [f"{person}C{camera}T{number:04d}F{frame:03d}.jpg" for frame in range(1, frames + 1)]
            write_dots(root / f"bbox_{side}" / person, some)
            table.append((len(names) + 1, len(names) + frames, pid, camera))
            names += some
        (root / "info" / f"{side}_name.txt").write_text("\n".join(names) + "\n")
        io.savemat(root / "info" / f"tracks_{side}_info.mat", {f"track_{side}_info": np.array(table, np.int32)})
    io.savemat(root / "info" / "query_IDX.mat", {"query_IDX": np.array([queries], np.uint16)})
    return root


def write_own(root: Path, persons: tuple[str, ...] = ("anna", "bo", "cem", "dora"), frames: int = 2) -> Path:
    """A custom data set: ROOT/camera/person/frames."""
    for camera in ("entrance", "yard"):
        for person in persons:
            write_dots(root / camera / person, [f"img_{frame}.png" for frame in range(9, 9 + frames)])
    return root


def write_own_csv(root: Path, header: str = "path,person,camera,sequence", **spoiled: str) -> Path:
    """A custom data set with a CSV file. `spoiled` replaces lines by number: L3="…" replaces line 3."""
    write_own(root)
    lines = [header]
    for image in sorted(root.rglob("*.png")):
        lines.append(f"{image.relative_to(root)},{image.parent.name},{image.parent.parent.name},1")
    for name, text in spoiled.items():
        lines[int(name[1:]) - 1] = text
    path = root / "frames.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


# The smallest network of the architecture: a few training steps take a second or two on a CPU.
TINY = {
    "appearance": "resnet18",
    "appearance_weights": "none",
    "pose_stages": 1,
    "pose_width": 0.125,
    "tap_channels": 8,
    "height": 48,
    "width": 32,
    "chunk": 3,
    "overlap": 1,
    "ids_per_batch": 2,
    "chunks_per_id": 2,
    "optimizer": "adamw",
    "lr_appearance": 1e-3,
    "lr_pose": 1e-3,
    "lr_tap": 1e-3,
    "lr_classifier": 1e-3,
    "warmup_steps": 0,
    "device": "cpu",
}


def flags(options: dict) -> list[str]:
    """{"max_steps": 3, "resume": True} -> ["--max-steps", "3", "--resume"]."""
    found = []
    for name, value in options.items():
        found.append("--" + name.replace("_", "-"))
        if value is not True:
            found.append(str(value))
    return found


def pose(*words: object) -> int:
    """Run `python -m reid.pose` with these words in this process; returns the exit code."""
    with patch.object(sys, "argv", ["reid.pose", *map(str, words)]), pytest.raises(SystemExit) as end:
        PROGRAM.run_subcommand("pose")
    return int(end.value.code or 0)


def command(name: str, argv: list[str]) -> int:
    """Run a command of reid, such as "pose train", in this process; returns the exit code."""
    with patch.object(sys, "argv", ["reid"]), pytest.raises(SystemExit) as end:
        PROGRAM.run(name, argv)
    return int(end.value.code or 0)
