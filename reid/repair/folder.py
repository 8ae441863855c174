"""The folder of repaired tracks: links to the crops, tables and records as reid tracks writes them."""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from alignnet_common.checked.json_file import read_json
from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_lines, write_json, write_text
from reid.inference.table import TRACKS_TABLE
from reid.repair.table import Track, new_paths, rows_of
from reid.tracks.crops import part_of
from reid.tracks.records import ADVICE, RECORD, record_file

REPORT = "tracks-report.json"

MADE_OF = "repaired_of"
"""Entry of a camera's record: hash over the names and files of its repaired tracks."""

FORM = RECORD | {f"{MADE_OF}?": str}
"""Form of a camera's record."""


def write_camera(
    out: Path, root: Path, camera: str, tracks: Sequence[Track], columns: list[str], record: Mapping[str, Any]
) -> None:
    """Link the crops of a camera's tracks to OUT/CAMERA/TRACK, and write its part of the table and its record.

    The folder of the camera appears when all links are there. Nothing is done where this was finished before.
    """
    made_of = hash_of(root, tracks)
    file = record_file(out, camera)
    known = read_json(file, FORM, ADVICE) if file.is_file() else {}
    if known and MADE_OF not in known:
        raise UserError(f"{out}: has tracks of {camera} that reid repair did not write: name another folder (--out)")
    if known.get(MADE_OF) == made_of and part_of(out, camera).is_file() and (out / camera).is_dir():
        return
    hidden = out / f".{camera}.partial"
    for old in (file, part_of(out, camera)):
        old.unlink(missing_ok=True)  # first: without them the folder is not finished
    for left in (hidden, out / camera):
        shutil.rmtree(left, ignore_errors=True)
    for track in tracks:
        for crop, path in zip(track.crops, new_paths(track), strict=True):
            place = hidden / Path(path).relative_to(camera)
            place.parent.mkdir(parents=True, exist_ok=True)
            link(root / crop.path, place)
    hidden.rename(out / camera)
    write_text(part_of(out, camera), rows_of(tracks, columns))
    crops = sum(len(track.crops) for track in tracks)
    write_json(file, {**record, "tracks": len(tracks), "crops": crops, MADE_OF: made_of})


def link(file: Path, place: Path) -> None:
    """A hard link at `place`; a copy where the folders are on different disks, or of a link."""
    try:
        os.link(file.resolve(), place)
    except OSError:
        shutil.copy2(file, place)


def hash_of(root: Path, tracks: Iterable[Track]) -> str:
    """Hash over the names of tracks, and the names, sizes and modification times of their files."""
    lines = []
    for track in tracks:
        for crop in track.crops:
            state = (root / crop.path).stat()
            lines.append(f"{track.name}\t{crop.path}\t{state.st_size}\t{state.st_mtime_ns}")
    return sha256_of_lines(lines)


def write_table(out: Path, cameras: Iterable[str], columns: Sequence[str]) -> None:
    """Write tracks.csv: the rows of all cameras."""
    parts = [part_of(out, camera).read_text() for camera in cameras]
    write_text(out / TRACKS_TABLE, "".join([",".join(columns) + "\n", *parts]))


def remove_others(out: Path, cameras: Iterable[str]) -> None:
    """Remove the cameras that an earlier repair has written and that are no longer in the tracks."""
    for path in sorted(out.glob(".*.json")):
        camera = path.name[1 : -len(".json")]
        if camera not in cameras and MADE_OF in read_json(path, FORM, ADVICE):
            path.unlink()
            part_of(out, camera).unlink(missing_ok=True)
            shutil.rmtree(out / camera, ignore_errors=True)
