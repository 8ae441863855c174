"""The set on disk: PRID2011's layout, annotations beside it, and a manifest that only finished clips enter."""

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from kit.coco18 import JOINTS, PARTS
from kit.command import UserError
from kit.files import read_jsonl, replacing, write_jsonl
from synth.clip import RenderedClip
from synth.plan import Clip, plan_hash, plan_row


@dataclass(frozen=True)
class RenderedSet:
    """Paths of a set below its folder."""

    out: Path

    @property
    def manifest(self) -> Path:
        """A JSON row a finished clip."""
        return self.out / "manifest.jsonl"

    @property
    def plan(self) -> Path:
        """A JSON row a planned clip."""
        return self.out / "plan.jsonl"

    @property
    def failure(self) -> Path:
        """In full, why the last run failed; absent where it did not."""
        return self.out / "failure.txt"

    def frames(self, clip: str) -> Path:
        """Folder of a clip's frames; `clip` as in "cam_a/person_0001"."""
        return self.out / "multi_shot" / clip

    def annotation(self, clip: str) -> Path:
        """The clip's annotations."""
        return self.out / "annotations" / f"{clip}.npz"


def pixels_sha256(frames: NDArray[np.uint8]) -> str:
    """Hex SHA-256 of the decoded pixels (T, H, W, 3), frame after frame, row by row, RGB."""
    return hashlib.sha256(np.ascontiguousarray(frames).tobytes()).hexdigest()


def write_clip(target: RenderedSet, clip: Clip, rendered: RenderedClip) -> dict[str, Any]:
    """Write a clip's frames and annotations, all or nothing; returns its row for the manifest."""
    folder = target.frames(clip.name)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        for number, frame in enumerate(rendered.frames, start=1):
            iio.imwrite(partial / f"{number:04d}.png", frame)
        _sync(partial)
        with replacing(target.annotation(clip.name)) as path, path.open("wb") as stream:
            np.savez_compressed(stream, **annotation_arrays(rendered))
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return {
        "clip": clip.name,
        "person": clip.identity.person,
        "camera": clip.camera_name,
        "frames": len(rendered.frames),
        "pixels_sha256": pixels_sha256(rendered.frames),
        "plan_sha256": plan_hash(clip),
        "visible_ratio": round(float(np.mean([frame.visible_ratio for frame in rendered.truth])), 4),
    }


def _sync(folder: Path) -> None:
    """Flush every file of a folder to the disk, so that a rename never outruns its content."""
    for path in sorted(folder.iterdir()):
        with path.open("rb") as stream:
            os.fsync(stream.fileno())


def annotation_arrays(rendered: RenderedClip) -> dict[str, NDArray[Any]]:
    """The arrays of a clip's .npz: T frames each, see `synth.annotate.FrameTruth` for shapes and units."""
    truth = rendered.truth
    return {
        "joints2d": np.stack([frame.joints2d for frame in truth]).astype(np.float32),
        "joints3d": np.stack([frame.joints3d for frame in truth]).astype(np.float32),
        "joints_visible": np.stack([frame.joints_visible for frame in truth]),
        "mask": np.stack([frame.mask for frame in truth]),
        "part_masks": np.stack([frame.part_masks for frame in truth]),
        "visible_ratio": np.array([frame.visible_ratio for frame in truth], dtype=np.float32),
        "box": np.stack([frame.box for frame in truth]).astype(np.float32),
        "amodal_box": np.stack([frame.amodal_box for frame in truth]).astype(np.float32),
        "intrinsics": rendered.intrinsics.astype(np.float32),
        "rotation": rendered.rotation.astype(np.float32),
        "translation": rendered.translation.astype(np.float32),
        "joint_names": np.array(JOINTS),
        "part_names": np.array(PARTS),
    }


def finished_rows(source: RenderedSet) -> list[dict[str, Any]]:
    """Rows of the clips that are finished, in the manifest's order.

    Raises UserError where there is no set, where no clip is finished, and where a clip has lost files since.
    """
    if not source.manifest.is_file():
        raise UserError(
            f"{source.out} holds no manifest.jsonl: render a set with python -m synth.render --out {source.out}"
        )
    try:
        rows = read_jsonl(source.manifest)
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
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile):
        raise UserError(f"{path} is broken: delete it, and the command that rendered the set makes it again") from None


def append_row(target: RenderedSet, row: dict[str, Any]) -> None:
    """Enter a finished clip in the manifest, synced: from now on it is not rendered again."""
    with target.manifest.open("a") as stream:
        stream.write(json.dumps(row) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def open_set(target: RenderedSet, plan: list[Clip]) -> tuple[list[dict[str, Any]], list[Clip]]:
    """Rows of the clips that are finished and the clips still to render; nothing is written.

    Raises UserError where the folder holds a set of another plan, or something else altogether.
    """
    if not target.manifest.exists() and not target.plan.exists():
        if target.out.exists() and (not target.out.is_dir() or any(target.out.iterdir())):
            raise UserError(f"{target.out} is not empty and not a rendered set: name another folder with --out")
        return [], plan
    try:
        rows = read_jsonl(target.manifest) if target.manifest.exists() else []
    except ValueError as broken:
        raise UserError(f"{broken}; restore the manifest or render to another folder with --out") from None
    if not all(isinstance(row, dict) and {"clip", "frames", "plan_sha256"} <= row.keys() for row in rows):
        raise UserError(f"{target.manifest} is not a rendered set's: name another folder with --out")
    hashes = {clip.name: plan_hash(clip) for clip in plan}
    strangers = [row["clip"] for row in rows if hashes.get(row["clip"]) not in (None, row["plan_sha256"])]
    if strangers:
        raise UserError(
            f"{target.out} holds clips of other options ({strangers[0]} and {len(strangers) - 1} more): "
            "repeat the options it was made with, or name another folder with --out"
        )
    beyond = [row["clip"] for row in rows if row["clip"] not in hashes]
    if beyond:
        raise UserError(
            f"{target.out} holds more identities than --ids asks for ({beyond[-1]}): "
            "ask for as many or more, or name another folder with --out"
        )
    finished = {row["clip"]: row for row in rows if is_whole(target, row)}
    return list(finished.values()), [clip for clip in plan if clip.name not in finished]


def is_whole(target: RenderedSet, row: dict[str, Any]) -> bool:
    """Whether all files of a manifest's row are there."""
    frames = sum(1 for _ in target.frames(row["clip"]).glob("*.png"))
    return frames == row["frames"] and target.annotation(row["clip"]).is_file()


def begin_set(target: RenderedSet, plan: list[Clip], finished: list[dict[str, Any]]) -> None:
    """Write the plan and a manifest of the finished clips alone; sweep up what a killed run left half-written."""
    target.out.mkdir(parents=True, exist_ok=True)
    for partial in sorted(target.out.glob("**/.*.partial")):
        shutil.rmtree(partial) if partial.is_dir() else partial.unlink()
    target.failure.unlink(missing_ok=True)
    write_jsonl(target.plan, [plan_row(clip) for clip in plan])
    write_jsonl(target.manifest, finished)


def finish_set(target: RenderedSet, plan: list[Clip]) -> list[dict[str, Any]]:
    """Put the manifest in the plan's order, whatever order the workers finished in; returns its rows."""
    order = {clip.name: number for number, clip in enumerate(plan)}
    rows = sorted(read_jsonl(target.manifest), key=lambda row: order.get(row["clip"], len(order)))
    write_jsonl(target.manifest, rows)
    return rows
