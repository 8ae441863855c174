"""Market-1501 as short tracklets: images grouped by (pid, camera, sequence), in the order of the frames.

ROOT/bounding_box_train/0002_c1s1_000451_03.jpg …     pid, camera, sequence, frame, box
ROOT/query, ROOT/bounding_box_test                    only for the official test
"""

import re
from pathlib import Path
from typing import Literal

import numpy as np

from alignnet_common.errors import UserError
from reid.data.tracklets.frames import is_image
from reid.data.tracklets.types import ReidData, Tracklet, expect

NAME = re.compile(r"(?P<pid>-1|\d+)_c(?P<camera>\d+)s(?P<sequence>\d+)_(?P<frame>\d+)_(?P<box>\d+)")

HELD_OUT_PROTOCOL = (
    "held-out training identities; query = one tracklet a (pid, camera), gallery = all their tracklets, "
    "those of the query's own pid and camera ignored; Euclidean distance"
)
OFFICIAL_PROTOCOL = (
    "query = folder query, gallery = folder bounding_box_test grouped into tracklets (pid -1 junk ignored, "
    "0 distractors kept), same pid and camera ignored; Euclidean distance"
)


def load_market(root: Path, seed: int, test: Literal["held-out", "official"], held_out: float = 0.1) -> ReidData:
    """Market-1501 with bounding_box_train for training.

    test -- "official": query and bounding_box_test; "held-out": a share `held_out` (0..1) of the training identities,
    drawn with `seed`.
    Raises UserError on a missing folder, another layout, or too few identities.
    """
    if not root.is_dir():
        raise UserError(f"no such folder: {root}: put Market-1501 there (bounding_box_train/…), or name it with --root")
    tracklets = tuple(tracklet for tracklet in read_folder(root / "bounding_box_train") if tracklet.pid > 0)
    warnings = (
        *expect(len({tracklet.pid for tracklet in tracklets}), 751, "persons in bounding_box_train"),
        *expect(_images(tracklets), 12_936, "images in bounding_box_train"),
    )
    if test == "official":
        query, gallery = read_folder(root / "query"), read_folder(root / "bounding_box_test")
        return ReidData(
            name="Market-1501 (tracklets)",
            root=root,
            train=tracklets,
            query=query,
            gallery=gallery,
            protocol=OFFICIAL_PROTOCOL,
            split="official",
            warnings=(*warnings, *expect(_images(query), 3368, "images in query")),
        )
    pids = sorted({tracklet.pid for tracklet in tracklets})
    count = max(2, round(held_out * len(pids)))
    if len(pids) - count < 2:
        raise UserError(f"{root}: {len(pids)} identities are too few to hold {count} out and train on the rest")
    tested = set(np.random.default_rng(seed).permutation(pids)[:count].tolist())
    gallery = tuple(tracklet for tracklet in tracklets if tracklet.pid in tested)
    return ReidData(
        name="Market-1501 (tracklets of the training identities)",
        root=root,
        train=tuple(tracklet for tracklet in tracklets if tracklet.pid not in tested),
        query=first_of_each_camera(gallery),
        gallery=gallery,
        protocol=HELD_OUT_PROTOCOL,
        split=f"{count} of {len(pids)} training identities held out (seed {seed})",
        notes=("not Market-1501's test set: held-out training identities, as tracklets",),
        warnings=warnings,
    )


def _images(tracklets: tuple[Tracklet, ...]) -> int:
    return sum(len(tracklet.frames) for tracklet in tracklets)


def first_of_each_camera(tracklets: tuple[Tracklet, ...]) -> tuple[Tracklet, ...]:
    """The first tracklet of each (pid, camera)."""
    first: dict[tuple[int, int], Tracklet] = {}
    for tracklet in sorted(tracklets, key=lambda t: (t.pid, t.camera, t.sequence)):
        first.setdefault((tracklet.pid, tracklet.camera), tracklet)
    return tuple(first.values())


def first_of_each_outfit(tracklets: tuple[Tracklet, ...]) -> tuple[Tracklet, ...]:
    """The first tracklet of each (pid, camera, outfit); tracklets of unknown outfit count as of one outfit."""
    outfits = dict.fromkeys(tracklet.outfit for tracklet in tracklets)
    found = (first_of_each_camera(tuple(t for t in tracklets if t.outfit == outfit)) for outfit in outfits)
    return tuple(sorted((t for some in found for t in some), key=lambda t: (t.pid, t.camera, t.sequence)))


def read_folder(folder: Path) -> tuple[Tracklet, ...]:
    """Tracklets of a folder in the order of (pid, camera, sequence).

    Each image of a distractor (pid 0) or of junk (-1) is a tracklet, since two such images need not show one person.
    Raises UserError on a missing folder, a folder without images, or another naming of images.
    """
    if not folder.is_dir():
        raise UserError(f"{folder.parent}: not Market-1501's layout: no folder {folder.name}")
    groups: dict[tuple[int, int, int, int], list[tuple[int, int, Path]]] = {}
    for number, path in enumerate(sorted(path for path in folder.iterdir() if is_image(path))):
        match = NAME.match(path.stem)
        if match is None:
            raise UserError(f"{path}: not named as in Market-1501 (0002_c1s1_000451_03.jpg)")
        pid, camera, sequence, frame, box = (int(match[part]) for part in ("pid", "camera", "sequence", "frame", "box"))
        alone = number if pid <= 0 else -1
        groups.setdefault((pid, camera, sequence, alone), []).append((frame, box, path))
    if not groups:
        raise UserError(f"{folder}: no image in it")
    return tuple(
        Tracklet(pid, camera, tuple(path for _, _, path in sorted(images)), sequence=sequence)
        for (pid, camera, sequence, _), images in sorted(groups.items())
    )
