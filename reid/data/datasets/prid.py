"""PRID2011, multi-shot. Queries are from cam_a, the gallery from cam_b; half of the persons are for training.

    ROOT/[prid_2011/]multi_shot/cam_{a,b}/person_0001/0001.png …
    ROOT/splits_prid2011.json                  the ten published splits: a list of {"train": names, "test": names}
    ROOT/train_test_splits_prid.mat            the same, in the archive of iLIDS-VID (ls_set, 10 x 178)

A synthetic data set has this layout too; it is recognized by its manifest.jsonl and named «synthetic stand-in».
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from alignnet_common.errors import UserError
from alignnet_common.set_format import CAMERAS, FRAMES_FOLDER, MANIFEST, person_folder
from reid.configs.groups.data import SplitSource
from reid.data.datasets.splits import (
    SPLITS,
    Split,
    check_names,
    find_file,
    missing_file,
    random_halves,
    read_json_splits,
    read_mat_splits,
)
from reid.data.tracklets.frames import numbered_frames
from reid.data.tracklets.listing import subfolders
from reid.data.tracklets.types import ReidData, Tracklet, expect, split_number

ARCHIVE_FOLDER = "prid_2011"
"""Folder that PRID2011's archive unpacks to."""

SPLITS_FILE = "splits_prid2011.json"
MAT_FILE, MAT_FOLDER = "train_test_splits_prid.mat", "train-test people splits"
SHARED_PERSONS = 200
"""Persons 1-200 of PRID2011 are the same in both cameras; a higher number is of two different persons."""

EXCLUDED = frozenset(
    (6, 19, 31, 52, 57, 62, 71, 94, 106, 120, 136, 138, 139, 142, 145, 158, 159, 166, 183, 190, 199, 200)
)
"""Persons of 1-200 that the published splits leave out because their tracklets are short."""

KEPT = tuple(number for number in range(1, SHARED_PERSONS + 1) if number not in EXCLUDED)
"""The 178 persons of the published splits, ascending; the .mat file has positions in this list."""

USUAL_FRAMES = 27
"""178 persons have at least this many frames in both cameras (183 have the 21 frames that most papers state)."""

Persons = Mapping[str, tuple[Tracklet, Tracklet]]
"""The tracklets (cam_a, cam_b) by person's name."""

PROTOCOL = "query = test persons of cam_a, gallery = test persons of cam_b, one tracklet each; Euclidean distance"


def load_prid(root: Path, split: int, splits: SplitSource, seed: int, min_frames: int | None = None) -> ReidData:
    """Split number `split` (0-9) of `prid_splits`. Raises UserError as it does, and where there are fewer splits."""
    return split_number(prid_splits(root, splits, seed, min_frames), split)


def prid_splits(root: Path, splits: SplitSource, seed: int, min_frames: int | None = None) -> tuple[ReidData, ...]:
    """PRID2011, or a synthetic data set in its layout (stand-in), under each of its splits.

    splits -- "json", "mat": this published file, which must exist; "published": either file, one of which must exist;
    "random": ten random halves from `seed`; "auto": a published file if there is one, else random halves. A stand-in
    has no published file: "published" is then the same as "auto".
    min_frames -- random halves are of persons with at least this many frames in both cameras; None: USUAL_FRAMES, or 1
    for a stand-in.
    Raises UserError on a missing folder, another layout, an empty tracklet, or a split file that does not fit.
    """
    top = find_multi_shot(root)
    stand_in = any((folder / MANIFEST).is_file() for folder in (root, top.parent))
    persons = read_persons(top, stand_in)
    places = split_places(root, top, splits)
    file = None if splits == "random" else find_file(places)
    if file is None and splits in ("json", "mat", "published") and not (stand_in and splits == "published"):
        raise UserError(missing_file(places, "PRID2011's ten splits"))
    if file is not None:
        found = _published_splits(file, persons)
    else:
        missing = missing_file(places, "PRID2011's ten splits").partition(":")[0]
        why = "asked for" if splits == "random" else f"there is {missing}"
        least = min_frames or (1 if stand_in else USUAL_FRAMES)
        found = _random_splits(top, persons, seed, least, why)
    return tuple(
        ReidData(
            name="synthetic stand-in" if stand_in else "PRID2011",
            root=root,
            train=tuple(tracklet for name in half.train for tracklet in persons[name]),
            query=tuple(persons[name][0] for name in half.test),
            gallery=tuple(persons[name][1] for name in half.test),
            protocol=PROTOCOL,
            split=source,
            notes=found.notes,
            warnings=() if stand_in else (*_check_persons(top, persons), *found.warnings),
        )
        for half, source in zip(found.halves, found.sources, strict=True)
    )


@dataclass(frozen=True)
class _Splits:
    """Splits with the source of each, and notes and warnings about all."""

    halves: tuple[Split, ...]
    sources: list[str]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def _published_splits(file: Path, persons: Persons) -> _Splits:
    halves = read_splits(file)
    check_names(halves, persons, file, "both cameras")
    sources = [f"split {number} of {file.name}" for number in range(len(halves))]
    return _Splits(halves, sources, warnings=_check_published(halves, file))


def _random_splits(top: Path, persons: Persons, seed: int, min_frames: int, why: str) -> _Splits:
    known = sorted(name for name, pair in persons.items() if min(len(t.frames) for t in pair) >= min_frames)
    if len(known) < 4:
        raise UserError(
            f"{top}: {len(known)} persons with {min_frames} frames in both cameras; halves need 4: lower --min-frames"
        )
    sources = [f"seeded random half {number} of {SPLITS} (seed {seed})" for number in range(SPLITS)]
    kept = f"{len(known)} persons with {min_frames} frames or more in both cameras"
    note = f"not the published splits: seeded random halves of {kept} ({why})"
    return _Splits(random_halves(known, seed), sources, notes=(note,))


def split_places(root: Path, top: Path, splits: SplitSource) -> tuple[Path, ...]:
    """Paths at which a published split file may be: in the root, beside multi_shot, or as in iLIDS-VID's archive."""
    names = {"json": (SPLITS_FILE,), "mat": (MAT_FILE,)}.get(splits, (SPLITS_FILE, MAT_FILE))
    folders = dict.fromkeys((root, top.parent))
    places = [folder / name for name in names for folder in folders]
    if MAT_FILE in names:
        places.append(root / MAT_FOLDER / MAT_FILE)
    return tuple(places)


def read_splits(file: Path) -> tuple[Split, ...]:
    """The splits of a published file, .json or .mat. Raises UserError where it is damaged or of another data set."""
    if file.suffix == ".json":
        return read_json_splits(file)
    return read_mat_splits(file, [person_folder(number) for number in KEPT], "persons in PRID2011's splits")


def _check_published(halves: tuple[Split, ...], file: Path) -> tuple[str, ...]:
    """Warnings where a split file differs from PRID2011's: ten splits of 89/89 of the 178 persons `KEPT`."""
    named = {*halves[0].train, *halves[0].test}
    excluded = sorted(named & {person_folder(number) for number in EXCLUDED})
    return (
        *expect(len(halves), SPLITS, f"splits in {file.name}"),
        *expect(len(named), len(KEPT), f"persons in {file.name}"),
        *expect(len(halves[0].test), len(KEPT) // 2, f"persons for testing in a split of {file.name}"),
        *(f"{file.name} names {name}, whom the published splits leave out" for name in excluded),
    )


def _check_persons(top: Path, persons: Persons) -> tuple[str, ...]:
    """Warnings where folders differ from PRID2011: 385 and 749 persons, 200 in both, 178 with 27 frames in both."""
    folders = [len(subfolders(top / camera)) for camera in CAMERAS]
    long = sum(min(len(tracklet.frames) for tracklet in pair) >= USUAL_FRAMES for pair in persons.values())
    return (
        *expect(folders[0], 385, "persons in cam_a"),
        *expect(folders[1], 749, "persons in cam_b"),
        *expect(len(persons), SHARED_PERSONS, f"persons 1-{SHARED_PERSONS} in both cameras"),
        *expect(long, len(KEPT), f"persons with at least {USUAL_FRAMES} frames in both cameras"),
    )


def find_multi_shot(root: Path) -> Path:
    """The folder multi_shot, in the root or in prid_2011. Raises UserError if it is missing."""
    layout = FRAMES_FOLDER + "/cam_{a,b}/person_0001/0001.png"
    if not root.is_dir():
        raise UserError(f"no such folder: {root}: put PRID2011 there ({layout} …), or name its place with --root")
    for top in (root / FRAMES_FOLDER, root / ARCHIVE_FOLDER / FRAMES_FOLDER):
        if all((top / camera).is_dir() for camera in CAMERAS):
            return top
    raise UserError(f"{root}: not PRID2011's layout: neither {layout} nor {ARCHIVE_FOLDER}/{layout} is there")


def person_number(folder: Path) -> int:
    """`person_0012` -> 12. Raises UserError on another name."""
    prefix, _, digits = folder.name.partition("_")
    if prefix != "person" or not digits.isdecimal():
        raise UserError(f"{folder}: not a person's folder such as person_0001")
    return int(digits)


def read_persons(top: Path, stand_in: bool) -> dict[str, tuple[Tracklet, Tracklet]]:
    """The tracklets (cam_a, cam_b) by name of each person of both cameras, in ascending order.

    Raises UserError where no person is in both cameras.
    """
    seen = []
    for camera in CAMERAS:
        folders = subfolders(top / camera)
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
