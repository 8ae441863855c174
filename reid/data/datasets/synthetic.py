"""A rendered set (python -m synth.render): PRID2011's layout, and the exact joints of each clip beside it.

ROOT/multi_shot/cam_{a,b}/person_0001/0001.png …
ROOT/annotations/cam_{a,b}/person_0001.npz      joints2d (T,18,2) pixels, joints_visible (T,18) bool, …
ROOT/manifest.jsonl                             a row a finished clip: clip, frames, pixels_sha256, …
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alignnet_common.cli import UserError
from alignnet_common.coco18 import JOINTS, PARTS
from alignnet_common.files import BROKEN_ARRAYS, read_jsonl
from reid.data.datasets.prid import CAMERAS, PROTOCOL, person_number
from reid.data.datasets.splits import SPLITS, random_halves
from reid.data.types import ReidData, Tracklet, numbered_frames, split_number

MANIFEST = "manifest.jsonl"


@dataclass(frozen=True)
class Joints:
    """The exact joints of a clip's T frames."""

    positions: np.ndarray
    """(T, 18, 2) float32: x, y in pixels of the frame as rendered, whole numbers at the centres of pixels."""

    visible: np.ndarray
    """(T, 18) bool: inside the frame and not hidden."""


def read_clips(root: Path) -> tuple[Tracklet, ...]:
    """Every finished clip of a rendered set, by person, then camera.

    Raises UserError on a missing folder, another layout, or a clip that disagrees with the manifest.
    """
    if not root.is_dir():
        raise UserError(f"no such folder: {root}: render a set first (python -m synth.render --ids 1000 --out {root})")
    if not (root / MANIFEST).is_file() or not (root / "multi_shot").is_dir():
        raise UserError(f"{root}: not a rendered set: {MANIFEST} or multi_shot is not there (python -m synth.render)")
    tracklets = [_clip(root, row) for row in _manifest(root)]
    if not tracklets:
        raise UserError(f"{root / MANIFEST}: names no clip; render at least one (python -m synth.render --ids 4)")
    return tuple(sorted(tracklets, key=lambda tracklet: (tracklet.pid, tracklet.camera)))


def _manifest(root: Path) -> list[dict]:
    try:
        return read_jsonl(root / MANIFEST)
    except (ValueError, OSError) as broken:
        raise UserError(f"{root / MANIFEST}: cannot be read ({broken})") from broken


def _clip(root: Path, row: dict) -> Tracklet:
    clip, frames = row.get("clip"), row.get("frames")
    camera, _, person = clip.partition("/") if isinstance(clip, str) else ("", "", "")
    if camera not in CAMERAS or not isinstance(frames, int):
        raise UserError(f'{root / MANIFEST}: a row without clip ("cam_a/person_0001") and frames (a number): {row}')
    folder = root / "multi_shot" / camera / person
    annotations = root / "annotations" / camera / f"{person}.npz"
    if not folder.is_dir() or not annotations.is_file():
        raise UserError(f"{root}: the manifest names {clip}, but its frames or its annotations are not there")
    files = numbered_frames(folder)
    if len(files) != frames:
        raise UserError(f"{folder}: {len(files)} frames, where the manifest says {frames}; render the set again")
    return Tracklet(person_number(folder), CAMERAS.index(camera), files, annotations)


def read_joints(tracklet: Tracklet) -> Joints:
    """The exact joints of a rendered clip. Raises UserError where its annotations are missing or do not fit."""
    positions, visible = _annotations(tracklet, "joints2d", "joints_visible")
    positions, visible = positions.astype(np.float32), visible.astype(bool)
    expected = (len(tracklet.frames), len(JOINTS))
    if positions.shape != (*expected, 2) or visible.shape != expected or not np.isfinite(positions[visible]).all():
        found = f"joints2d {positions.shape} and joints_visible {visible.shape}"
        raise UserError(f"{tracklet.annotations}: {found} do not fit {expected}")
    return Joints(np.where(visible[..., None], positions, 0), visible)


def read_masks(tracklet: Tracklet) -> np.ndarray:
    """(T, H, W) bool: where the person of a rendered clip is seen. Raises UserError as `read_joints`."""
    (masks,) = _annotations(tracklet, "mask")
    if masks.dtype != bool or masks.ndim != 3 or len(masks) != len(tracklet.frames):
        raise UserError(
            f"{tracklet.annotations}: mask {masks.shape} {masks.dtype} does not fit {len(tracklet.frames)} frames"
        )
    return masks


def read_part_masks(tracklet: Tracklet) -> np.ndarray:
    """(T, 3, H, W) bool: where the upper, middle and lower part is seen. Raises UserError as `read_joints`."""
    (masks,) = _annotations(tracklet, "part_masks")
    if masks.dtype != bool or masks.shape[:2] != (len(tracklet.frames), len(PARTS)) or masks.ndim != 4:
        raise UserError(f"{tracklet.annotations}: part_masks {masks.shape} {masks.dtype} do not fit: render it again")
    return masks


def read_visible_ratios(tracklet: Tracklet) -> np.ndarray:
    """(T,) float32 in 0..1: the share of the body that each frame shows. Raises UserError as `read_joints`."""
    (ratio,) = _annotations(tracklet, "visible_ratio")
    if ratio.shape != (len(tracklet.frames),):
        raise UserError(
            f"{tracklet.annotations}: visible_ratio {ratio.shape} does not fit {len(tracklet.frames)} frames"
        )
    return ratio.astype(np.float32)


@dataclass(frozen=True)
class Bodies:
    """How much there is to see of a clip's person in its T frames."""

    area: np.ndarray
    """(T,) float32: pixels of the frame as rendered in which the person is seen."""

    height: np.ndarray
    """(T,) float32: of the whole body, hidden or not, in pixels."""

    visible_ratio: np.ndarray
    """(T,) float32 in 0..1: share of the body that is seen."""


def read_bodies(tracklet: Tracklet) -> Bodies:
    """How much there is to see of the person of a rendered clip. Raises UserError as `read_joints`."""
    (boxes,) = _annotations(tracklet, "amodal_box")
    ratio = read_visible_ratios(tracklet)
    area = read_masks(tracklet).sum(axis=(1, 2)).astype(np.float32)
    if boxes.shape != (len(area), 4):
        raise UserError(f"{tracklet.annotations}: amodal_box {boxes.shape} does not fit {len(area)} frames")
    return Bodies(area, (boxes[:, 3] - boxes[:, 1]).astype(np.float32), ratio)


def _annotations(tracklet: Tracklet, *names: str) -> tuple[np.ndarray, ...]:
    path = tracklet.annotations
    if path is None:
        raise UserError(f"{tracklet.frames[0].parent}: no annotations; pose is learnt from rendered sets alone")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return tuple(np.asarray(arrays[name]) for name in names)
    except (*BROKEN_ARRAYS, KeyError) as broken:
        raise UserError(f"{path}: unreadable annotations ({broken}); render the clip again") from broken


def load_synthetic(root: Path, split: int, seed: int) -> ReidData:
    """A rendered set under seeded random half number `split`: PRID2011's protocol on rendered people."""
    return split_number(synthetic_splits(root, seed), split)


def synthetic_splits(root: Path, seed: int) -> tuple[ReidData, ...]:
    """A rendered set under each of ten seeded random halves. Raises UserError as `read_clips`, and on few persons."""
    clips = read_clips(root)
    names = sorted(f"{pid:04d}" for pid in _ids_in_both(clips))
    if len(names) < 4:
        raise UserError(f"{root}: {len(names)} persons in both cameras; halves need 4")
    return tuple(
        _divided(
            clips,
            root,
            tested={int(name) for name in half.test},
            split=f"seeded random half {number} of {SPLITS} (seed {seed})",
        )
        for number, half in enumerate(random_halves(names, seed))
    )


def load_pretraining(root: Path, validation_ids: int, seed: int) -> ReidData:
    """A rendered set for pre-training: all of it, but for `validation_ids` persons kept out to be ranked."""
    clips = read_clips(root)
    ids = _ids_in_both(clips)
    if validation_ids and validation_ids > len(ids) - 2:
        raise UserError(f"{root}: {len(ids)} persons in both cameras, too few to keep {validation_ids} out of training")
    kept_out = np.random.default_rng(seed).permutation(ids)[:validation_ids].tolist()
    split = f"{validation_ids} of {len(ids)} persons kept out (seed {seed})" if validation_ids else "all persons"
    return _divided(clips, root, tested=set(kept_out), split=split)


def _ids_in_both(clips: tuple[Tracklet, ...]) -> list[int]:
    cameras = [{clip.pid for clip in clips if clip.camera == camera} for camera in range(len(CAMERAS))]
    return sorted(cameras[0] & cameras[1])


def _divided(clips: tuple[Tracklet, ...], root: Path, tested: set[int], split: str) -> ReidData:
    return ReidData(
        name="synthetic",
        root=root,
        train=tuple(clip for clip in clips if clip.pid not in tested),
        query=tuple(clip for clip in clips if clip.pid in tested and clip.camera == 0),
        gallery=tuple(clip for clip in clips if clip.pid in tested and clip.camera == 1),
        protocol=PROTOCOL,
        split=split,
        notes=("rendered people, not real ones",),
    )
