"""Custom data: ROOT/camera/person/frames, or a CSV file with a row per image.

    ROOT/entrance/anna/0001.jpg …                     any names; frames are ordered by the last number in their names
    ROOT.csv:  path,person,camera[,sequence][,outfit] path relative to the CSV; an image, or a folder of images
    ROOT/splits.json                                  [{"train": [persons], "test": [persons]}, …]   (optional)

Person 0 is a distractor and person -1 junk. If all names of persons are whole numbers, these are the person ids;
otherwise persons are numbered from 1 in the order of their names. See `reid.data.datasets.names`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alignnet_common.errors import UserError
from reid.configs.groups.data import SplitSource
from reid.data.datasets.csv_files import read_rows
from reid.data.datasets.market import first_of_each_outfit
from reid.data.datasets.names import MISSING, as_on_disk, pids_of, plain_name
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
from reid.data.tracklets.listing import subfolders
from reid.data.tracklets.types import ReidData, Tracklet

COLUMNS = ("path", "person", "camera")
OPTIONAL = ("sequence", "outfit")
SPLITS_FILE = "splits.json"

PROTOCOL = (
    "query = one tracklet a (person, camera, outfit) of the test persons, gallery = all their tracklets and the "
    "distractors, "
    "those of the query's own person and camera ignored; Euclidean distance"
)


@dataclass(frozen=True)
class NamedTracklet:
    """A tracklet with the names of its person and camera."""

    person: str
    camera: str
    sequence: str
    frames: tuple[Path, ...]
    outfit: str = ""
    """Name of the person's outfit; "" if it is not known."""


@dataclass(frozen=True)
class CustomData:
    """A custom data set before its division."""

    root: Path
    """The folder or CSV file that was named."""

    home: Path
    """The folder of the data: `root`, or that of the CSV file."""

    tracklets: Mapping[str, list[Tracklet]]
    """Tracklets by person's name."""

    pids: Mapping[str, int]
    """Person id by person's name."""

    @property
    def persons(self) -> set[str]:
        """Names without distractors and junk."""
        return {name for name, pid in self.pids.items() if pid > 0}


def folder_splits(root: Path, splits: SplitSource, seed: int) -> tuple[ReidData, ...]:
    """Custom data under the splits of ROOT/splits.json, or else ten random splits of the persons of several cameras.

    Persons of one camera are for training with random splits; with a file, only the persons that it names are used.
    Raises UserError on a missing folder, another layout, an empty or damaged CSV, an empty tracklet, or splits that do
    not fit.
    """
    data = read_custom_data(root)
    halves, sources, notes = _halves(data, splits, seed)
    return tuple(_divided(data, half, source, notes) for half, source in zip(halves, sources, strict=True))


def read_custom_data(root: Path) -> CustomData:
    """The tracklets of a folder or CSV file. Raises UserError as `folder_splits`."""
    if root.is_file():
        home, found = root.parent, read_csv(root)
    elif root.is_dir():
        home, found = root, read_folders(root)
    else:
        raise UserError(f"no such folder or CSV file: {root}: name your data with --root (ROOT/camera/person/frames)")
    cameras = {name: number for number, name in enumerate(sorted({each.camera for each in found}))}
    pids = pids_of(each.person for each in found)
    worn = outfits_of(found)
    tracklets: dict[str, list[Tracklet]] = defaultdict(list)
    for each in sorted(found, key=lambda each: (pids[each.person], each.camera, each.sequence, each.outfit)):
        sequence = len([t for t in tracklets[each.person] if t.camera == cameras[each.camera]])
        outfit = worn.get((each.person, each.outfit))
        tracklet = Tracklet(pids[each.person], cameras[each.camera], each.frames, sequence=sequence, outfit=outfit)
        tracklets[each.person].append(tracklet)
    return CustomData(root, home, tracklets, pids)


def outfits_of(tracklets: Sequence[NamedTracklet]) -> dict[tuple[str, str], int]:
    """Number of each known outfit of each person, by the names of both: 0, 1, … in ascending order of the names."""
    names: dict[str, set[str]] = defaultdict(set)
    for each in tracklets:
        if each.outfit:
            names[each.person].add(each.outfit)
    return {(person, name): number for person, some in names.items() for number, name in enumerate(sorted(some))}


def _halves(data: CustomData, splits: SplitSource, seed: int) -> tuple[tuple[Split, ...], list[str], tuple[str, ...]]:
    """The splits, the source of each, and notes."""
    places = (data.home / SPLITS_FILE,)
    file = find_file(places) if splits != "random" else None
    if file is not None:
        halves = read_json_splits(file, equal=False)
        check_names(halves, data.persons, file, str(data.root))
        return halves, [f"split {number} of {file.name}" for number in range(len(halves))], ()
    if splits in ("json", "mat"):
        raise UserError(missing_file(places, "splits of your own"))
    several = sorted(name for name in data.persons if len({t.camera for t in data.tracklets[name]}) > 1)
    if len(several) < 4:
        raise UserError(f"{data.root}: {len(several)} persons were seen by more than one camera; halves need 4")
    sources = [f"seeded random half {number} of {SPLITS} (seed {seed})" for number in range(SPLITS)]
    note = f"seeded random halves of the {len(several)} persons whom more than one camera saw"
    single = tuple(sorted(data.persons - set(several)))
    halves = tuple(Split((*half.train, *single), half.test) for half in random_halves(several, seed))
    return halves, sources, (note,)


def _divided(data: CustomData, half: Split, source: str, notes: tuple[str, ...]) -> ReidData:
    trained, tested = set(half.train), set(half.test)
    gallery = tuple(t for name, some in data.tracklets.items() if name in tested or data.pids[name] <= 0 for t in some)
    return ReidData(
        name=f"own data ({data.root.name})",
        root=data.home,
        train=tuple(t for name, some in data.tracklets.items() if name in trained for t in some),
        query=first_of_each_outfit(tuple(t for t in gallery if t.pid > 0)),
        gallery=gallery,
        protocol=PROTOCOL,
        split=source,
        notes=notes,
    )


def read_folders(root: Path) -> list[NamedTracklet]:
    """The tracklets ROOT/camera/person. Raises UserError where there is none, or a person's folder has no image."""
    found = [
        NamedTracklet(plain_name(person.name), plain_name(camera.name), "", numbered_frames(person))
        for camera in subfolders(root)
        for person in subfolders(camera)
    ]
    if not found:
        raise UserError(f"{root}: no camera/person/frames in it (ROOT/entrance/anna/0001.jpg …), and it is no CSV file")
    return found


def read_csv(path: Path) -> list[NamedTracklet]:
    """The tracklets of a CSV file: its images by (person, camera, sequence, outfit); paths are relative to the CSV.

    Raises UserError as `read_rows`, and where a cell is empty, a path is missing or repeated, or two images of a
    tracklet have the same number.
    """
    frames: dict[tuple[str, str, str, str], list[Path]] = defaultdict(list)
    lines: dict[Path, str] = {}
    for where, cells in read_rows(path, COLUMNS, "path,person,camera[,sequence][,outfit]"):
        key, images = _read_row(cells, path.parent, where)
        for image in images:
            if image in lines:
                raise UserError(f"{where}: {image} is in {lines[image]} already")
            lines[image] = where.rpartition(", ")[2]
        frames[key] += images
    if not frames:
        raise UserError(f"{path}: no row below the names of the columns")
    return [
        NamedTracklet(person, camera, sequence, in_numeric_order(images, f"{path}: {person}, camera {camera}"), outfit)
        for (person, camera, sequence, outfit), images in frames.items()
    ]


def _read_row(cells: Mapping[str, str], home: Path, where: str) -> tuple[tuple[str, str, str, str], list[Path]]:
    empty = [column for column in COLUMNS if not cells[column]]
    if empty:
        raise UserError(f"{where}: {empty[0]} is empty")
    image = home / as_on_disk(home, cells["path"])
    if image.is_dir():
        images = list(numbered_frames(image))
    elif image.is_file() and is_image(image):
        images = [image]
    else:
        raise UserError(f"{where}: no such image or folder: {image}")
    person, camera, sequence, outfit = (plain_name(cells.get(name, "")) for name in (*COLUMNS[1:], *OPTIONAL))
    return (person, camera, sequence, "" if outfit.lower() in MISSING else outfit), images
