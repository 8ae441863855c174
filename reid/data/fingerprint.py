"""What was read of a data set: counts, fingerprint, division, hashes of persons' frames and clips."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file
from alignnet_common.set_format import MANIFEST, clip_of, read_manifest
from reid.data.datasets.prid import ARCHIVE_FOLDER
from reid.data.tracklets.types import ReidData, Tracklet


def data_record(data: ReidData, known_fingerprint: str | None = None) -> dict[str, Any]:
    """What was read, and how it was divided."""
    return {
        "name": data.name,
        "root": str(data.root),
        "fingerprint": known_fingerprint or fingerprint(data),
        "division": division(data),
        "split": data.split,
        "protocol": data.protocol,
        "notes": list(data.notes),
        "warnings": list(data.warnings),
        "counts": {half: counts(getattr(data, half)) for half in ("train", "query", "gallery")},
    }


def dataset_notes(data: ReidData) -> list[str]:
    """Notes and warnings, a line each, for people."""
    return [f"note: {note}" for note in data.notes] + [f"warning: {warning}" for warning in data.warnings]


def first_frames(tracklets: Sequence[Tracklet]) -> dict[int, set[str]]:
    """Of each person, what the file of each tracklet's first frame hashes to: 16 digits of its SHA-256.

    A frame that two persons have, a blank one, say, tells nobody and is left out.
    """
    owners: dict[str, set[int]] = {}
    for tracklet in tracklets:
        owners.setdefault(sha256_of_file(tracklet.frames[0])[:16], set()).add(tracklet.pid)
    found: dict[int, set[str]] = {}
    for frame, pids in owners.items():
        if len(pids) == 1:
            (pid,) = pids
            found.setdefault(pid, set()).add(frame)
    return found


def clips_of_tested(data: ReidData) -> dict[int, set[str]]:
    """The clips of each person tested, see `clips_by_person`."""
    return clips_by_person(data, (*data.query, *data.gallery))


def clips_by_person(data: ReidData, tracklets: Sequence[Tracklet]) -> dict[int, set[str]]:
    """Of a rendered set, what the pixels of each person's clips hash to, 16 digits of each; empty for other data."""
    hashes = {clip: pixels[:16] for manifest in manifests(data) for clip, pixels in hashes_of_clips(manifest).items()}
    found: dict[int, set[str]] = {}
    for tracklet in tracklets:
        pixels = hashes.get(clip_of(tracklet.frames[0]))
        if pixels is not None:
            found.setdefault(tracklet.pid, set()).add(pixels)
    return found


def counts(tracklets: Sequence[Tracklet]) -> dict[str, int]:
    """Identities, tracklets and frames."""
    return {
        "ids": len({tracklet.pid for tracklet in tracklets}),
        "tracklets": len(tracklets),
        "frames": sum(len(tracklet.frames) for tracklet in tracklets),
    }


def format_counts(counted: dict[str, int]) -> str:
    """`counts` for people."""
    return f"{counted['ids']} persons, {counted['tracklets']} tracklets, {counted['frames']} frames"


def fingerprint(data: ReidData) -> str:
    """SHA-256 over the names (relative to the root, sorted) and sizes of the frames, and a rendered set's pixel hashes.

    The same people in another folder have the same fingerprint.
    """
    digest = hashlib.sha256()
    for path in sorted({frame for tracklet in data.tracklets for frame in tracklet.frames}):
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            raise UserError(f"{path}: a link to nothing, or gone since: mend it or take it away") from None
        digest.update(f"{_name_of(path, data.root)} {size}\n".encode())
    for manifest in manifests(data):
        rows = sorted(f"{clip} {pixels}\n" for clip, pixels in hashes_of_clips(manifest).items())
        digest.update("".join(rows).encode())
    return digest.hexdigest()


def division(data: ReidData) -> str:
    """SHA-256 over who is trained on, asked for and searched, tracklet by tracklet. It changes where people are divided
    otherwise, or a tracklet is somebody else's: the same files, and so the same `fingerprint`."""
    digest = hashlib.sha256()
    for half in ("train", "query", "gallery"):
        rows = [
            f"{half} {one.pid} {one.camera} {one.sequence} {len(one.frames)} {_name_of(one.frames[0], data.root)}\n"
            for one in getattr(data, half)
        ]
        digest.update("".join(sorted(rows)).encode())
    return digest.hexdigest()


def _name_of(path: Path, root: Path) -> str:
    """A file's name relative to the data's root; a CSV may name any place."""
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def manifests(data: ReidData) -> list[Path]:
    """The manifest of a rendered set, also where it stands in for PRID2011; none of other data, whose owners may call
    a file of theirs so."""
    places = (data.root / MANIFEST, data.root / ARCHIVE_FOLDER / MANIFEST)
    rendered = data.name.startswith("synthetic")
    return [path for path in places if path.is_file() and (rendered or _has_clips(path))]


def _has_clips(manifest: Path) -> bool:
    try:
        return bool(hashes_of_clips(manifest))
    except UserError:
        return False


def hashes_of_clips(manifest: Path) -> dict[str, str]:
    """The clips of a rendered set and the hashes of their pixels. Raises UserError where it is no such manifest."""
    try:
        return {clip: str(row["pixels_sha256"]) for clip, row in read_manifest(manifest).items()}
    except (ValueError, KeyError, TypeError) as broken:
        raise UserError(f"{manifest}: not a manifest of clips ({broken}); render the set again") from broken
