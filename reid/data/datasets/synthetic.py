"""A rendered set (python -m synth.render). Layout and fields: `alignnet_common.set_format`."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from alignnet_common.checked.set_rows import read_manifest
from alignnet_common.errors import UserError
from alignnet_common.files import set_folder
from alignnet_common.set_format import (
    CAMERAS,
    FRAMES_FOLDER,
    MANIFEST,
    ManifestRow,
    annotation_file,
    frames_folder,
)
from reid.data.datasets.annotations import read_sightings
from reid.data.datasets.prid import PROTOCOL, person_number
from reid.data.datasets.splits import SPLITS, random_halves
from reid.data.tracklets.frames import numbered_frames
from reid.data.tracklets.types import ReidData, Tracklet, split_number

PROTOCOL_OF_OUTFITS = f"{PROTOCOL}; a tracklet is one sighting, in one outfit"


def read_clips(root: Path) -> tuple[Tracklet, ...]:
    """Every finished clip of a synthetic data set, in the order of persons, then cameras.

    Raises UserError on a missing folder, another layout, or a clip that disagrees with the manifest.
    """
    if not root.is_dir():
        raise UserError(f"no such folder: {root}: render a set first (python -m synth.render --ids 1000 --out {root})")
    if not (root / MANIFEST).is_file() or not (root / FRAMES_FOLDER).is_dir():
        raise UserError(f"{root}: not a rendered set: no {MANIFEST} or no {FRAMES_FOLDER} (python -m synth.render)")
    tracklets = [_clip(root, clip, row) for clip, row in _manifest(root).items()]
    if not tracklets:
        raise UserError(f"{root / MANIFEST}: names no clip; render at least one (python -m synth.render --ids 4)")
    return tuple(sorted(tracklets, key=lambda tracklet: (tracklet.pid, tracklet.camera)))


def _manifest(root: Path) -> dict[str, ManifestRow]:
    try:
        return read_manifest(root / MANIFEST)
    except (ValueError, OSError) as broken:
        raise UserError(f"{root / MANIFEST}: cannot be read ({broken})") from broken


def _clip(root: Path, clip: str, row: ManifestRow) -> Tracklet:
    frames, camera = row.get("frames"), clip.partition("/")[0]
    if camera not in CAMERAS or not isinstance(frames, int):
        raise UserError(f'{root / MANIFEST}: a row without clip ("cam_a/person_0001") and frames (a number): {row}')
    folder, annotations = frames_folder(root, clip), annotation_file(root, clip)
    if not folder.is_dir() or not annotations.is_file():
        raise UserError(f"{root}: the manifest names {clip}, but its frames or its annotations are not there")
    files = numbered_frames(folder)
    if len(files) != frames:
        raise UserError(f"{folder}: {len(files)} frames, but {frames} in the manifest; render the set again")
    worn = set(row.get("outfits", [0]))
    outfit = worn.pop() if len(worn) == 1 else None
    return Tracklet(person_number(folder), CAMERAS.index(camera), files, annotations, outfit=outfit)


def sightings_of(clip: Tracklet) -> tuple[Tracklet, ...]:
    """A rendered clip as tracklets of one outfit each: the clip itself, or one a sighting if it shows several outfits.

    Raises UserError if the annotations cannot be read.
    """
    if clip.outfit is not None:
        return (clip,)
    sightings, outfits = read_sightings(clip)
    firsts = np.flatnonzero(np.diff(sightings, prepend=-1))
    lasts = np.append(firsts[1:], len(sightings))
    return tuple(
        replace(clip, frames=clip.frames[first:last], sequence=number, outfit=int(outfits[first]), first=int(first))
        for number, (first, last) in enumerate(zip(firsts, lasts, strict=True))
    )


def load_synthetic(root: Path, split: int, seed: int) -> ReidData:
    """Random split number `split` (0-9) of a synthetic data set, with the protocol of PRID2011."""
    return split_number(synthetic_splits(root, seed), split)


def synthetic_splits(root: Path, seed: int) -> tuple[ReidData, ...]:
    """A synthetic data set under each of ten random splits. Raises UserError as `read_clips`, and on few persons."""
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


def load_pretraining(root: Path, held_out: int, seed: int, trained: int | None = None) -> ReidData:
    """A synthetic data set for pre-training, with `held_out` held-out persons as query and gallery.

    Args:
        root: its folder, or "sample" (`alignnet_common.files.set_folder`).
        held_out: number of held-out persons, drawn with `seed` from all persons in both cameras.
        trained: number of persons to train on, the first of those that are not held out. Default: all.

    Raises UserError as `read_clips`, and on too few persons.
    """
    root = set_folder(root)
    clips = read_clips(root)
    ids = _ids_in_both(clips)
    if held_out and held_out > len(ids) - 2:
        raise UserError(f"{root}: {len(ids)} persons in both cameras, too few to keep {held_out} out of training")
    kept_out = np.random.default_rng(seed).permutation(ids)[:held_out].tolist()
    split = f"{held_out} of {len(ids)} persons kept out (seed {seed})" if held_out else "all persons"
    if trained is not None:
        others = sorted({clip.pid for clip in clips} - set(kept_out))
        if trained > len(others):
            few = f"{len(others)} persons to train on, fewer than --ids {trained}"
            raise UserError(f"{root}: {few}; lower it or render more")
        left_out = set(others[trained:])
        clips = tuple(clip for clip in clips if clip.pid not in left_out)
        first = f"the first {trained} of {len(others)} persons"
        split = f"{split}, {first} in training" if held_out else first
    return _divided(clips, root, tested=set(kept_out), split=split)


def _ids_in_both(clips: tuple[Tracklet, ...]) -> list[int]:
    cameras = [{clip.pid for clip in clips if clip.camera == camera} for camera in range(len(CAMERAS))]
    return sorted(cameras[0] & cameras[1])


def _divided(clips: tuple[Tracklet, ...], root: Path, tested: set[int], split: str) -> ReidData:
    return ReidData(
        name="synthetic",
        root=root,
        train=tuple(clip for clip in clips if clip.pid not in tested),
        query=tuple(part for clip in clips if clip.pid in tested and clip.camera == 0 for part in sightings_of(clip)),
        gallery=tuple(part for clip in clips if clip.pid in tested and clip.camera == 1 for part in sightings_of(clip)),
        protocol=PROTOCOL if all(clip.outfit is not None for clip in clips) else PROTOCOL_OF_OUTFITS,
        split=split,
        notes=("rendered people, not real ones",),
    )


def clips_kept_out(root: Path, held_out: int, seed: int) -> tuple[Tracklet, ...]:
    """The clips of the persons held out of a training, see `load_pretraining`; all clips if `held_out` is 0."""
    if held_out == 0:
        return read_clips(root)
    data = load_pretraining(root, held_out, seed)
    return *data.query, *data.gallery
