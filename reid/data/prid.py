"""PRID2011, multi-shot: cam_a asks, cam_b answers, half the persons are trained on.

    ROOT/[prid_2011/]multi_shot/cam_{a,b}/person_0001/0001.png …
    ROOT/splits_prid2011.json        the ten published splits (optional)

A rendered set has this layout too; it is told by its manifest.jsonl and named «synthetic stand-in».
"""

from pathlib import Path
from typing import Literal

from kit.command import UserError
from reid.data.splits import SPLITS, Split, random_halves, read_json_splits
from reid.data.tracklet import ReidData, Tracklet, numbered_frames

CAMERAS = ("cam_a", "cam_b")
SPLITS_FILE = "splits_prid2011.json"
SHARED_PERSONS = 200
"""In PRID2011 only persons 1-200 are the same in both views; a higher number names two different people."""

PROTOCOL = "query = test persons of cam_a, gallery = test persons of cam_b, one tracklet each; Euclidean distance; CMC"


def load_prid(
    root: Path, split: int, splits: Literal["auto", "json", "random"], seed: int, min_frames: int = 1
) -> ReidData:
    """PRID2011 (or a stand-in laid out as it) under split number `split` (0-9).

    splits -- "json": the published file, demanded; "random": ten halves from `seed`; "auto": the file if it is there.
    min_frames -- random halves are made of persons with at least this many frames in both cameras.
    Raises UserError on a missing folder, another layout, an empty tracklet, or a split file that does not fit.
    """
    top = find_multi_shot(root)
    stand_in = any((folder / "manifest.jsonl").is_file() for folder in (root, top.parent))
    persons = read_persons(top, stand_in)
    file = find_splits_file(root, top)
    if splits == "json" and file is None:
        raise UserError(f"no {SPLITS_FILE} in {root}: put it there, or ask for seeded halves with --splits random")
    notes: list[str] = []
    if file is not None and splits != "random":
        halves, source = read_json_splits(file), f"split {split} of {file.name}"
        _check_names(halves, persons, file)
    else:
        known = sorted(name for name, pair in persons.items() if min(len(t.frames) for t in pair) >= min_frames)
        if len(known) < 4:
            raise UserError(f"{top}: {len(known)} persons with {min_frames} frames in both cameras; halves need 4")
        halves, source = random_halves(known, seed), f"seeded random half {split} of {SPLITS} (seed {seed})"
        why = "asked for" if splits == "random" else f"there is no {SPLITS_FILE} in {root}"
        notes.append(f"not the published splits: seeded random halves of {len(known)} persons ({why})")
    if split >= len(halves):
        raise UserError(f"{file}: has splits 0-{len(halves) - 1}, not {split}")
    chosen = halves[split]
    return ReidData(
        name="synthetic stand-in" if stand_in else "PRID2011",
        root=root,
        train=tuple(tracklet for name in chosen.train for tracklet in persons[name]),
        query=tuple(persons[name][0] for name in chosen.test),
        gallery=tuple(persons[name][1] for name in chosen.test),
        protocol=PROTOCOL,
        split=source,
        notes=tuple(notes),
    )


def find_multi_shot(root: Path) -> Path:
    """The multi_shot folder under either root of the two in use. Raises UserError where neither is there."""
    layout = "multi_shot/cam_{a,b}/person_0001/0001.png"
    if not root.is_dir():
        raise UserError(f"no such folder: {root}: put PRID2011 there ({layout} …), or name its place with --root")
    for top in (root / "multi_shot", root / "prid_2011" / "multi_shot"):
        if all((top / camera).is_dir() for camera in CAMERAS):
            return top
    raise UserError(f"{root}: not PRID2011's layout: neither {layout} nor prid_2011/{layout} is there")


def find_splits_file(root: Path, top: Path) -> Path | None:
    """The published splits beside the frames: in the root, or where the archive was unpacked."""
    places = (root / SPLITS_FILE, top.parent / SPLITS_FILE)
    return next((place for place in places if place.is_file()), None)


def person_number(folder: Path) -> int:
    """`person_0012` -> 12. Raises UserError on another name."""
    prefix, _, digits = folder.name.partition("_")
    if prefix != "person" or not digits.isdecimal():
        raise UserError(f"{folder}: not a person's folder such as person_0001")
    return int(digits)


def read_persons(top: Path, stand_in: bool) -> dict[str, tuple[Tracklet, Tracklet]]:
    """The tracklets (cam_a, cam_b) of each person that both cameras saw, by name in ascending order."""
    seen = []
    for camera in CAMERAS:
        folders = sorted(path for path in (top / camera).iterdir() if path.is_dir())
        seen.append({folder.name: folder for folder in folders if stand_in or person_number(folder) <= SHARED_PERSONS})
    names = sorted(seen[0].keys() & seen[1].keys(), key=lambda name: person_number(seen[0][name]))
    if not names:
        raise UserError(f"{top}: no person is in both cam_a and cam_b")
    persons = {}
    for name in names:
        first, second = (
            Tracklet(person_number(folders[name]), camera, numbered_frames(folders[name]))
            for camera, folders in enumerate(seen)
        )
        persons[name] = (first, second)
    return persons


def _check_names(halves: tuple[Split, ...], persons: dict[str, tuple[Tracklet, Tracklet]], file: Path) -> None:
    for number, half in enumerate(halves):
        absent = [name for name in (*half.train, *half.test) if name not in persons]
        if absent:
            some = ", ".join(absent[:3]) + (" …" if len(absent) > 3 else "")
            raise UserError(f"{file}: split {number} names {len(absent)} persons who are not in both cameras: {some}")
