"""What `reid extract` describes: the images or tracklets of a folder, a CSV file or a pattern.

    FOLDER                     every image in it and below; --tracklets: FOLDER/camera/track/frames
    sample                     the rendered set that is installed with the package
    SET                        a rendered set: its finished clips, whose persons and cameras are known
    "FOLDER/*/night-*.jpg"     the images that match; --tracklets: the folders of frames that match
    TABLE.csv                  path[,camera][,track][,person]; see `reid.inference.table`

Names are ordered naturally: 9.jpg comes before 10.jpg.
"""

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from alignnet_common.errors import UserError
from alignnet_common.files import set_folder
from alignnet_common.set_format import FRAMES_FOLDER, MANIFEST
from reid.data.datasets.market import NAME as MARKET_NAME
from reid.data.datasets.synthetic import read_clips
from reid.data.tracklets.frames import IMAGE_SUFFIXES, is_image, numbered_frames
from reid.data.tracklets.listing import is_left_out, subfolders
from reid.inference.rows import Row, Source, natural
from reid.inference.table import TRACKS_TABLE, read_table, times_of_tracks

WILDCARDS = "*?["


def find_source(text: str, tracklets: bool) -> Source:
    """The images that `text` names, or with `tracklets` the tracklets.

    Raises UserError where it names nothing, where there is no image, or on another layout.
    """
    path = set_folder(text)
    if path.is_dir():
        rendered = rendered_set(path)
        if rendered is not None:
            return clips_of(path, rendered, tracklets)
        return tracks_in(path) if tracklets else images_in(path)
    if path.is_file() and is_image(path) and not tracklets:
        return labelled(path.parent, [path.name])
    if path.is_file():
        return read_table(path, tracklets)
    if any(wildcard in text for wildcard in WILDCARDS):
        return matches_of(text, tracklets)
    raise UserError(f"no such folder, CSV file or image: {text}")


def images_in(folder: Path) -> Source:
    """Every image in a folder and below it, in natural order; hidden files and folders are left out."""
    names = [
        (Path(place) / name).relative_to(folder).as_posix()
        for place, below, files in _walk(folder)
        for name in files
        if is_image(Path(name))
    ]
    if not names:
        raise UserError(f"{folder}: no image in it or below ({', '.join(IMAGE_SUFFIXES)})")
    return labelled(folder, names)


def _walk(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """`os.walk` with links to folders, each folder once, without hidden folders and those of systems."""
    seen: set[str] = set()
    for place, below, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        below[:] = [] if real in seen else [name for name in below if not is_left_out(name)]
        if real not in seen:
            seen.add(real)
            yield place, below, files


def tracks_in(folder: Path) -> Source:
    """The tracklets FOLDER/camera/track/frames, with times where FOLDER is of reid tracks.

    A track is known in its camera only, so that persons are not known.
    """
    times = times_of_tracks(folder / TRACKS_TABLE)
    rows = [
        Row(
            f"{camera}/{track}",
            _names(folder, numbered_frames(folder / camera / track)),
            "",
            camera,
            track,
            *times.get((camera, track), (None, None)),
        )
        for camera in _folders(folder)
        for track in _folders(folder / camera)
    ]
    if not rows:
        raise UserError(f"{folder}: no camera/track/frames in it (FOLDER/entrance/0007/0001.jpg …)")
    return Source(folder, rows, "the folders of cameras")


def _folders(folder: Path) -> list[str]:
    return sorted((path.name for path in subfolders(folder)), key=natural)


def _names(folder: Path, files: Sequence[Path]) -> tuple[str, ...]:
    return tuple(file.relative_to(folder).as_posix() for file in files)


def matches_of(pattern: str, tracklets: bool) -> Source:
    """The images that a pattern matches (** for folders of any depth); with `tracklets`, the folders of frames.

    A folder of frames is a track, and the folder above it the camera.
    """
    found = [Path(name) for name in dict.fromkeys(glob.glob(pattern, recursive=True))]  # noqa: PTH207 - ** and absolute
    if not tracklets:
        names = [path.as_posix() for path in found if path.is_file() and is_image(path)]
        if not names:
            raise UserError(f"{pattern}: no image matches")
        return labelled(Path(), names)
    folders = sorted((path for path in found if path.is_dir()), key=lambda path: natural(path.as_posix()))
    if not folders:
        raise UserError(f"{pattern}: no folder of frames matches")
    rows = [
        Row(path.as_posix(), tuple(each.as_posix() for each in numbered_frames(path)), "", path.parent.name, path.name)
        for path in folders
    ]
    return Source(Path(), rows, "the folders of cameras")


def labelled(root: Path, names: Sequence[str]) -> Source:
    """Images in natural order, with persons and cameras where a name is as in Market-1501 (0002_c1s1_000451_03.jpg)."""
    rows = []
    for name in sorted(names, key=natural):
        match = MARKET_NAME.match(name.rpartition("/")[2])
        person, camera = (match["pid"], match["camera"]) if match else ("", "")
        rows.append(Row(name, (name,), person, camera))
    return Source(root, rows, "the names of the images" if any(row.person for row in rows) else "nowhere")


def rendered_set(folder: Path) -> Path | None:
    """The root of the rendered set that `folder` is, or is the part of that has the frames; else None."""
    places = (folder.absolute(), *folder.absolute().parents)
    roots = (folder.absolute(), *(place.parent for place in places if place.name == FRAMES_FOLDER))
    return next((root for root in roots if (root / MANIFEST).is_file() and (root / FRAMES_FOLDER).is_dir()), None)


def clips_of(folder: Path, root: Path, tracklets: bool) -> Source:
    """The finished clips of a rendered set below `folder`, or all of their frames. Raises UserError as `read_clips`."""
    absolute, rows = folder.absolute(), []
    for clip in read_clips(root):
        place = clip.frames[0].parent
        if not place.is_relative_to(absolute):
            continue
        frames, camera = _names(absolute, clip.frames), place.parent.name
        if tracklets:
            rows.append(Row(place.relative_to(absolute).as_posix(), frames, str(clip.pid), camera, place.name))
        else:
            rows += [Row(frame, (frame,), str(clip.pid), camera) for frame in frames]
    if not rows:
        raise UserError(f"{folder}: no finished clip in it")
    return Source(folder, sorted(rows, key=lambda row: natural(row.path)), "the rendered set")
