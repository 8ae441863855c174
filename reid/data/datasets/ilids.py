"""iLIDS-VID. Queries are from cam1, the gallery from cam2; half of the 300 persons are for training.

    ROOT/i-LIDS-VID/sequences/cam1/person001/cam1_person001_00317.png …      cam2 likewise
    ROOT/train-test people splits/train_test_splits_ilidsvid.mat             ls_set (10, 300), 1-based

The numbers of the split file are positions in the *sorted* list of the folders of cam1 (person001 … person319, with
gaps); the first 150 columns are for testing.
"""

from pathlib import Path

from alignnet_common.errors import UserError
from reid.configs.groups.data import SplitSource
from reid.data.datasets.splits import SPLITS, find_file, missing_file, random_halves, read_mat_splits
from reid.data.tracklets.frames import numbered_frames
from reid.data.tracklets.listing import subfolders
from reid.data.tracklets.types import ReidData, Tracklet, expect

CAMERAS = ("cam1", "cam2")
MAT_FILE, MAT_FOLDER = "train_test_splits_ilidsvid.mat", "train-test people splits"
PERSONS = 300

PROTOCOL = "query = test persons of cam1, gallery = test persons of cam2, one tracklet each; Euclidean distance"


def ilids_splits(root: Path, splits: SplitSource, seed: int) -> tuple[ReidData, ...]:
    """iLIDS-VID under each of its splits: the published splits, or ten random ones from `seed` if `splits` is "random".

    Raises UserError on a missing folder, another layout, a person in only one camera, an empty tracklet, or a split
    file that is missing or does not fit the persons.
    """
    top = find_sequences(root)
    persons = read_persons(top)
    notes: tuple[str, ...] = ()
    if splits == "random":
        halves = random_halves(tuple(persons), seed)
        sources = [f"seeded random half {number} of {SPLITS} (seed {seed})" for number in range(SPLITS)]
        notes = (f"not the published splits: seeded random halves of {len(persons)} persons (asked for)",)
    else:
        if splits == "json":
            raise UserError(
                f"--split-source json: iLIDS-VID's splits are a file {MAT_FILE}: use mat, published or random"
            )
        places = split_places(root, top)
        file = find_file(places)
        if file is None:
            raise UserError(missing_file(places, "iLIDS-VID's ten splits"))
        halves = read_mat_splits(file, tuple(persons), f"persons in {top / CAMERAS[0]}")
        sources = [f"split {number} of {file.name}" for number in range(len(halves))]
    warnings = (*expect(len(persons), PERSONS, "persons in both cameras"), *expect(len(halves), SPLITS, "splits"))
    return tuple(
        ReidData(
            name="iLIDS-VID",
            root=root,
            train=tuple(tracklet for name in half.train for tracklet in persons[name]),
            query=tuple(persons[name][0] for name in half.test),
            gallery=tuple(persons[name][1] for name in half.test),
            protocol=PROTOCOL,
            split=source,
            notes=notes,
            warnings=warnings,
        )
        for half, source in zip(halves, sources, strict=True)
    )


def find_sequences(root: Path) -> Path:
    """The folder `sequences`, in the folder of the archive or in the root. Raises UserError where it is missing."""
    layout = "sequences/cam{1,2}/person001/cam1_person001_00317.png"
    if not root.is_dir():
        raise UserError(f"no such folder: {root}: put iLIDS-VID there (i-LIDS-VID/{layout} …), or name it with --root")
    for top in (root / "i-LIDS-VID" / "sequences", root / "sequences"):
        if all((top / camera).is_dir() for camera in CAMERAS):
            return top
    raise UserError(f"{root}: not iLIDS-VID's layout: neither i-LIDS-VID/{layout} nor {layout} is there")


def split_places(root: Path, top: Path) -> tuple[Path, ...]:
    """Paths at which the split file may be: as in the archive, or beside the data."""
    beside = (root / MAT_FOLDER, root, top.parent / MAT_FOLDER, top.parent)
    return tuple(dict.fromkeys(folder / MAT_FILE for folder in beside))


def read_persons(top: Path) -> dict[str, tuple[Tracklet, Tracklet]]:
    """The tracklets (cam1, cam2) by person's name, in ascending order, which is the order of the split file.

    Raises UserError where a person is not in both cameras, since later positions would be of other persons.
    """
    first, second = ({path.name for path in subfolders(top / camera)} for camera in CAMERAS)
    if first != second:
        lonely = sorted(first ^ second)
        where = CAMERAS[lonely[0] in second]
        raise UserError(f"{top}: {len(lonely)} persons are in one camera alone, the first is {lonely[0]} in {where}")
    if len(first) < 4:
        raise UserError(f"{top}: {len(first)} persons; halves need 4")
    persons = {}
    for name in sorted(first):
        digits = name.removeprefix("person")
        if name == digits or not digits.isdecimal():
            raise UserError(f"{top / CAMERAS[0] / name}: not a person's folder such as person001")
        pair = [Tracklet(int(digits), number, numbered_frames(top / cam / name)) for number, cam in enumerate(CAMERAS)]
        persons[name] = (pair[0], pair[1])
    return persons
