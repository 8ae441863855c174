"""The set on disk: PRID2011's layout, annotations beside it, and a hash of either by which damage is found."""

import hashlib
import io
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from alignnet_common.cli import UserError
from alignnet_common.coco18 import JOINTS, PARTS
from alignnet_common.files import BROKEN_ARRAYS, read_jsonl, write_atomically
from alignnet_common.locks import held
from synth.dataset.rendered_clip import RenderedClip
from synth.planning.config import Shard
from synth.planning.plan import Clip, plan_hash


@dataclass(frozen=True)
class RenderedSet:
    """Paths of a set below its folder."""

    out: Path
    shard: Shard | None = None
    """The part of the set that is worked on, where several machines render one set."""

    @property
    def manifest(self) -> Path:
        """A JSON row a finished clip; a shard has its own, which the command without --shard collects."""
        return self.out / self._named("manifest", "jsonl")

    @property
    def config(self) -> Path:
        """The options that the set, or the shard, was rendered with."""
        return self.out / self._named("config", "yaml")

    @property
    def result(self) -> Path:
        """What came of it."""
        return self.out / self._named("result", "json")

    @property
    def lock(self) -> Path:
        """Held by the process that renders into the shard, or into the whole set."""
        return self.out / self._named(".lock", "")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep others from writing to the set, or to the shard, while the block runs: shards may be written to side by
        side, the whole set by one process alone. Raises UserError where somebody is at work on it."""
        complaint = f"another command (synth.render or synth.unpack) is writing to {self.out}"
        of_shard = held(self.lock, complaint) if self.shard else nullcontext()
        with held(RenderedSet(self.out).lock, complaint, shared=self.shard is not None), of_shard:
            yield

    def of_shards(self) -> list[Path]:
        """The files that shards have left of themselves."""
        return sorted(
            path
            for stem in ("manifest", "plan", "config", "result", "failure")
            for path in self.out.glob(f"{stem}.*-of-*")
        )

    @property
    def plan(self) -> Path:
        """A JSON row a planned clip."""
        return self.out / self._named("plan", "jsonl")

    @property
    def failure(self) -> Path:
        """In full, why the last run failed; absent where it did not."""
        return self.out / self._named("failure", "txt")

    def frames(self, clip: str) -> Path:
        """Folder of a clip's frames; `clip` as in "cam_a/person_0001"."""
        return self.out / "multi_shot" / clip

    def annotation(self, clip: str) -> Path:
        """The clip's annotations."""
        return self.out / "annotations" / f"{clip}.npz"

    def _named(self, stem: str, suffix: str) -> str:
        """A file's name, with the shard's in it if there is one."""
        parts = [stem, f"{self.shard.number}-of-{self.shard.count}" if self.shard else "", suffix]
        return ".".join(part for part in parts if part)


def pixels_sha256(frames: NDArray[np.uint8]) -> str:
    """Hex SHA-256 of the decoded pixels (T, H, W, 3), frame after frame, row by row, RGB."""
    return hashlib.sha256(np.ascontiguousarray(frames).tobytes()).hexdigest()


def arrays_sha256(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Hex SHA-256 of named arrays, in the order of their names: of each its name, type, shape and content."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def write_clip(target: RenderedSet, clip: Clip, rendered: RenderedClip) -> dict[str, Any]:
    """Write a clip's frames and annotations, all or nothing; returns its row for the manifest."""
    annotations, stream = annotation_arrays(rendered), io.BytesIO()
    np.savez_compressed(stream, **annotations)
    frames = [bytes(iio.imwrite("<bytes>", frame, extension=".png")) for frame in rendered.frames]
    write_files(target, clip.name, frames, stream.getvalue())
    return {
        "clip": clip.name,
        "person": clip.identity.person,
        "camera": clip.camera_name,
        "frames": len(rendered.frames),
        "pixels_sha256": pixels_sha256(rendered.frames),
        "annotations_sha256": arrays_sha256(annotations),
        "plan_sha256": plan_hash(clip),
        "visible_ratio": round(float(np.mean([frame.visible_ratio for frame in rendered.truth])), 4),
    }


def write_files(target: RenderedSet, clip: str, frames: Sequence[bytes], annotations: bytes) -> None:
    """Write a clip's PNG files, numbered from 1, and its .npz: synced under other names, then renamed."""
    folder = target.frames(clip)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        for number, frame in enumerate(frames, start=1):
            (partial / f"{number:04d}.png").write_bytes(frame)
        _sync(partial)
        write_atomically(target.annotation(clip), annotations)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _sync(folder: Path) -> None:
    """Flush every file of a folder to the disk, so that a rename never outruns its content."""
    for path in sorted(folder.iterdir()):
        with path.open("rb") as stream:
            os.fsync(stream.fileno())


def annotation_arrays(rendered: RenderedClip) -> dict[str, NDArray[Any]]:
    """The arrays of a clip's .npz: T frames each, see `synth.dataset.annotations.FrameTruth` for shapes and units."""
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
        "sighting": rendered.sighting,
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
    except (*BROKEN_ARRAYS, KeyError):
        raise UserError(f"{path} is broken: delete it, and the command that rendered the set makes it again") from None


def is_whole(source: RenderedSet, row: dict[str, Any]) -> bool:
    """Whether all files of a manifest's row are there; what is in them is for `fault_of` to say."""
    frames = sum(1 for _ in source.frames(row["clip"]).glob("*.png"))
    return frames == row["frames"] and source.annotation(row["clip"]).is_file()


def fault_of(source: RenderedSet, row: dict[str, Any]) -> str | None:
    """What is wrong with the files of a manifest's row, in a few words; None where every one is as it was rendered."""
    folder, file = source.frames(row["clip"]), source.annotation(row["clip"])
    wanted = [f"{number:04d}.png" for number in range(1, row["frames"] + 1)]
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
