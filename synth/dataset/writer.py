"""Writes the clips of a rendered set: frames, annotations, and the hashes by which damage is found."""

import io
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from alignnet_common.coco18 import JOINTS, PARTS
from alignnet_common.files import naming, partial_beside, remove, write_atomically
from alignnet_common.run_record import version_of
from alignnet_common.set_format import ANNOTATIONS, GENERATOR_VERSION, ManifestRow, frame_file
from synth.dataset.annotations import RenderedClip
from synth.dataset.hashes import arrays_sha256, pixels_sha256
from synth.dataset.layout import RenderedSet
from synth.planning.clip import Clip, plan_hash


def write_clip(target: RenderedSet, clip: Clip, rendered: RenderedClip) -> ManifestRow:
    """Write a clip's frames and annotations atomically; returns its row for the manifest."""
    annotations, stream = annotation_arrays(clip, rendered), io.BytesIO()
    np.savez_compressed(stream, **annotations)
    frames = [bytes(iio.imwrite("<bytes>", frame, extension=".png")) for frame in rendered.frames]
    write_files(target, clip.name, frames, stream.getvalue())
    return {
        "clip": clip.name,
        "person": clip.identity.person,
        "camera": clip.camera_name,
        "frames": len(rendered.frames),
        "outfits": clip.outfits,
        "pixels_sha256": pixels_sha256(rendered.frames),
        "annotations_sha256": arrays_sha256(annotations),
        "plan_sha256": plan_hash(clip),
        "visible_ratio": round(float(np.mean([frame.visible_ratio for frame in rendered.truth])), 4),
        "generator": GENERATOR_VERSION,
        "blender": version_of("bpy"),
    }


def write_files(target: RenderedSet, clip: str, frames: Sequence[bytes], annotations: bytes) -> None:
    """Write a clip's PNG files, numbered from 1, and its .npz under temporary names, sync them, and rename them."""
    folder = target.frames(clip)
    partial = partial_beside(folder)
    remove(partial)
    partial.mkdir(parents=True)
    try:
        with naming(folder):
            for number, frame in enumerate(frames, start=1):
                (partial / frame_file(number)).write_bytes(frame)
            _sync(partial)
            write_atomically(target.annotation(clip), annotations)
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
    finally:
        remove(partial)


def _sync(folder: Path) -> None:
    """Sync every file of a folder, so that the folder's rename reaches the disk after its content."""
    for path in sorted(folder.iterdir()):
        with path.open("rb") as stream:
            os.fsync(stream.fileno())


def annotation_arrays(clip: Clip, rendered: RenderedClip) -> dict[str, NDArray[Any]]:
    """The arrays of a clip's .npz, with the shapes, types and units of `alignnet_common.set_format.ANNOTATIONS`."""
    truth = rendered.truth
    arrays: dict[str, Any] = {
        "joints2d": [frame.joints2d for frame in truth],
        "joints3d": [frame.joints3d for frame in truth],
        "joints_visible": [frame.joints_visible for frame in truth],
        "mask": [frame.mask for frame in truth],
        "part_masks": [frame.part_masks for frame in truth],
        "visible_ratio": [frame.visible_ratio for frame in truth],
        "box": [frame.box for frame in truth],
        "amodal_box": [frame.amodal_box for frame in truth],
        "intrinsics": rendered.intrinsics,
        "rotation": rendered.rotation,
        "translation": rendered.translation,
        "sighting": rendered.sighting,
        "outfit": np.repeat(clip.outfits, [sighting.frames for sighting in clip.sightings]),
        "joint_names": JOINTS,
        "part_names": PARTS,
    }
    return {name: np.array(arrays[name]).astype(form.dtype) for name, form in ANNOTATIONS.items()}
