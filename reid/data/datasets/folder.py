"""One's own data: ROOT/camera/person/frames, or a CSV file with a row an image.

    ROOT/entrance/anna/0001.jpg …                     any names; frames by the last number in their names
    ROOT.csv:  path,person,camera[,sequence]          path from the CSV's folder; an image, or a folder of images
    ROOT/splits.json                                  [{"train": [persons], "test": [persons]}, …]   (optional)

0 is a distractor and -1 junk. Persons who all have whole numbers for names keep them; else they are numbered from 1 by
name.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from alignnet_common.errors import UserError
from reid.configs.data import SplitSource
from reid.data.datasets.market import first_of_each_camera
from reid.data.datasets.splits import (
    SPLITS,
    Split,
    check_names,
    find_file,
    missing_file,
    random_halves,
    read_json_splits,
)
from reid.data.tracklets.frames import in_numeric_order, is_image, numbered_frames
from reid.data.tracklets.types import ReidData, Tracklet

COLUMNS = ("path", "person", "camera")
SPLITS_FILE = "splits.json"

PROTOCOL = (
    "query = one tracklet a (person, camera) of the test persons, gallery = all their tracklets and the distractors, "
    "those of the query's own person and camera ignored; Euclidean distance"
)


@dataclass(frozen=True)
class Sighting:
    """One person before one camera, once."""

    person: str
    camera: str
    sequence: str
    frames: tuple[Path, ...]


def folder_splits(root: Path, splits: SplitSource, seed: int) -> tuple[ReidData, ...]:
    """One's own data under the splits of ROOT/splits.json, or else ten seeded halves of the persons of several cameras.

    With halves, persons whom one camera alone saw are trained on; with a file, whom it names, and nobody else. Raises
    UserError on a missing folder, another layout, an empty or damaged CSV, an empty tracklet, or splits that do not
    fit.
    """
    if root.is_file():
        home, sightings = root.parent, read_csv(root)
    elif root.is_dir():
        home, sightings = root, read_folders(root)
    else:
        raise UserError(f"no such folder or CSV file: {root}: name your data with --root (ROOT/camera/person/frames)")
    cameras = {name: number for number, name in enumerate(sorted({sighting.camera for sighting in sightings}))}
    pids = pids_of(sighting.person for sighting in sightings)
    tracklets: dict[str, list[Tracklet]] = defaultdict(list)
    for sighting in sorted(sightings, key=lambda each: (pids[each.person], each.camera, each.sequence)):
        sequence = len([t for t in tracklets[sighting.person] if t.camera == cameras[sighting.camera]])
        tracklet = Tracklet(pids[sighting.person], cameras[sighting.camera], sighting.frames, sequence=sequence)
        tracklets[sighting.person].append(tracklet)
    several = {name for name in pids if pids[name] > 0 and len({t.camera for t in tracklets[name]}) > 1}
    halves, sources, notes = _halves(root, home, sorted(several), pids, splits, seed)
    return tuple(_divided(root, home, tracklets, pids, *each, notes) for each in zip(halves, sources, strict=True))


def _halves(
    root: Path, home: Path, several: list[str], pids: Mapping[str, int], splits: SplitSource, seed: int
) -> tuple[tuple[Split, ...], list[str], tuple[str, ...]]:
    """The splits, where each comes from, and what to say of them."""
    places = (home / SPLITS_FILE,)
    file = find_file(places) if splits != "random" else None
    if file is not None:
        halves = read_json_splits(file, equal=False)
        check_names(halves, {name for name in pids if pids[name] > 0}, file, str(root))
        return halves, [f"split {number} of {file.name}" for number in range(len(halves))], ()
    if splits in ("json", "mat"):
        raise UserError(missing_file(places, "splits of your own"))
    if len(several) < 4:
        raise UserError(f"{root}: {len(several)} persons were seen by more than one camera; halves need 4")
    sources = [f"seeded random half {number} of {SPLITS} (seed {seed})" for number in range(SPLITS)]
    note = f"seeded random halves of the {len(several)} persons whom more than one camera saw"
    single = tuple(sorted({name for name in pids if pids[name] > 0} - set(several)))
    halves = tuple(Split((*half.train, *single), half.test) for half in random_halves(several, seed))
    return halves, sources, (note,)


def _divided(
    root: Path,
    home: Path,
    tracklets: Mapping[str, list[Tracklet]],
    pids: Mapping[str, int],
    half: Split,
    source: str,
    notes: tuple[str, ...],
) -> ReidData:
    trained, tested = set(half.train), set(half.test)
    gallery = tuple(t for name, some in tracklets.items() if name in tested or pids[name] <= 0 for t in some)
    return ReidData(
        name=f"own data ({root.name})",
        root=home,
        train=tuple(t for name, some in tracklets.items() if name in trained for t in some),
        query=first_of_each_camera(tuple(t for t in gallery if t.pid > 0)),
        gallery=gallery,
        protocol=PROTOCOL,
        split=source,
        notes=notes,
    )


def pids_of(persons: Iterable[str]) -> dict[str, int]:
    """A number for each name: the name itself where all are whole numbers, else 1, 2, … in ascending order.

    In any case -1 is junk and 0 a distractor.

    Raises UserError where two names are one number, or a number is below -1.
    """
    names = sorted(set(persons))
    try:
        numbers = [int(name) for name in names]
    except ValueError:
        nobody = {name: int(name) for name in names if name in ("-1", "0")}
        return nobody | {name: number for number, name in enumerate((n for n in names if n not in nobody), start=1)}
    if len(set(numbers)) != len(numbers):
        twice = [name for name in names if numbers.count(int(name)) > 1]
        raise UserError(f"persons {twice[0]} and {twice[1]} are the same number; name them alike")
    if min(numbers) < -1:
        raise UserError(f"person {min(numbers)}: numbers begin at -1 (junk) and 0 (a distractor)")
    return dict(zip(names, numbers, strict=True))


def read_folders(root: Path) -> list[Sighting]:
    """Every ROOT/camera/person/frames. Raises UserError where there is none, or a person's folder holds no image."""
    cameras = _folders(root)
    found = [
        Sighting(person.name, camera.name, "", numbered_frames(person))
        for camera in cameras
        for person in _folders(camera)
    ]
    if not found:
        raise UserError(f"{root}: no camera/person/frames in it (ROOT/entrance/anna/0001.jpg …), and it is no CSV file")
    return found


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def read_csv(path: Path) -> list[Sighting]:
    """The rows of a CSV by (person, camera, sequence); paths from the CSV's folder.

    Raises UserError where a column is missing, a cell is empty, a path is not there or comes twice, or two images of
    one tracklet have the same number.
    """
    frames: dict[tuple[str, str, str], list[Path]] = defaultdict(list)
    lines: dict[Path, int] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = csv.DictReader(stream)
            missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
            if missing:
                raise UserError(f"{path}: no column {missing[0]} (needed: path,person,camera[,sequence])")
            for row in rows:
                where = f"{path}, line {rows.line_num}"
                key, images = _read_row(row, path.parent, where)
                for image in images:
                    if image in lines:
                        raise UserError(f"{where}: {image} is in line {lines[image]} already")
                    lines[image] = rows.line_num
                frames[key] += images
    except (UnicodeDecodeError, csv.Error) as broken:
        raise UserError(f"{path}: not a CSV text file ({broken})") from broken
    if not frames:
        raise UserError(f"{path}: no row below the names of the columns")
    return [
        Sighting(person, camera, sequence, in_numeric_order(images, f"{path}: {person}, camera {camera}"))
        for (person, camera, sequence), images in frames.items()
    ]


def _read_row(row: Mapping[str, str | None], home: Path, where: str) -> tuple[tuple[str, str, str], list[Path]]:
    cells = {column: (row[column] or "").strip() for column in COLUMNS}
    empty = [column for column in COLUMNS if not cells[column]]
    if empty:
        raise UserError(f"{where}: {empty[0]} is empty")
    image = home / cells["path"]
    if image.is_dir():
        images = list(numbered_frames(image))
    elif image.is_file() and is_image(image):
        images = [image]
    else:
        raise UserError(f"{where}: no such image or folder: {image}")
    return (cells["person"], cells["camera"], (row.get("sequence") or "").strip()), images
