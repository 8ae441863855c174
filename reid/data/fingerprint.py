"""Record of a data set: counts, fingerprint, division into splits, hashes of each person's frames and clips."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from alignnet_common.checked.set_rows import read_manifest
from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file, sha256_of_lines
from alignnet_common.set_format import MANIFEST, ManifestRow, clip_of, generator_versions
from reid.data.datasets.prid import ARCHIVE_FOLDER
from reid.data.tracklets.types import ReidData, Tracklet


def data_record(data: ReidData, known_fingerprint: str | None = None) -> dict[str, Any]:
    """Name, root, fingerprint, division, notes and counts of a data set, as plain values for result.json.

    Rendered sets have "generators", too: the number of clips of each generator version, see `generators`.

    known_fingerprint -- the `fingerprint`, if computed before.
    """
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
    } | ({"generators": versions} if (versions := generators(data)) else {})


def dataset_notes(data: ReidData) -> list[str]:
    """Notes and warnings of a data set as printed lines."""
    return [f"note: {note}" for note in data.notes] + [f"warning: {warning}" for warning in data.warnings]


def first_frames(tracklets: Sequence[Tracklet]) -> dict[int, set[str]]:
    """By person id, the first 16 hex digits of the SHA-256 of the first frame's file of each tracklet.

    Files that two persons have in common, such as blank frames, identify nobody and are left out.
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
    """`clips_by_person` of the test tracklets."""
    return clips_by_person(data, (*data.query, *data.gallery))


def clips_by_person(data: ReidData, tracklets: Sequence[Tracklet]) -> dict[int, set[str]]:
    """By person id, the first 16 hex digits of the pixel hash of each rendered clip; empty for other data."""
    hashes = {clip: pixels[:16] for manifest in manifests(data) for clip, pixels in hashes_of_clips(manifest).items()}
    found: dict[int, set[str]] = {}
    for tracklet in tracklets:
        pixels = hashes.get(clip_of(tracklet.frames[0]))
        if pixels is not None:
            found.setdefault(tracklet.pid, set()).add(pixels)
    return found


def counts(tracklets: Sequence[Tracklet]) -> dict[str, int]:
    """Numbers of identities, tracklets and frames."""
    return {
        "ids": len({tracklet.pid for tracklet in tracklets}),
        "tracklets": len(tracklets),
        "frames": sum(len(tracklet.frames) for tracklet in tracklets),
    }


def format_counts(counted: dict[str, int]) -> str:
    """`counts` as text."""
    return f"{counted['ids']} persons, {counted['tracklets']} tracklets, {counted['frames']} frames"


def generators(data: ReidData) -> dict[str, int]:
    """Number of clips of each generator version of a rendered set, see `generator_versions`; empty for other data.

    The fingerprint does not depend on it.
    """
    rows = (row for manifest in manifests(data) for row in _rows_of(manifest).values())
    return generator_versions(rows)


def fingerprint(data: ReidData) -> str:
    """SHA-256 over the names (relative to the root, sorted) and sizes of the frames, and a rendered set's pixel hashes.

    It does not depend on the folder. Raises UserError where a frame is missing.
    """

    def lines() -> Iterator[str]:
        for path in sorted({frame for tracklet in data.tracklets for frame in tracklet.frames}):
            try:
                size = path.stat().st_size
            except FileNotFoundError:
                raise UserError(f"{path}: a broken link, or a file removed meanwhile: restore or remove it") from None
            yield f"{_name_of(path, data.root)} {size}"
        for manifest in manifests(data):
            yield from sorted(f"{clip} {pixels}" for clip, pixels in hashes_of_clips(manifest).items())

    return sha256_of_lines(lines())


def division(data: ReidData) -> str:
    """SHA-256 over the tracklets of training, query and gallery.

    It changes with the split and with the identity of a tracklet, unlike `fingerprint`, which depends on the files.
    """

    def lines() -> Iterator[str]:
        for half in ("train", "query", "gallery"):
            yield from sorted(
                f"{half} {one.pid} {one.camera} {one.sequence} {len(one.frames)} {_name_of(one.frames[0], data.root)}"
                + (f" outfit {one.outfit}" if one.outfit else "")
                for one in getattr(data, half)
            )

    return sha256_of_lines(lines())


def _name_of(path: Path, root: Path) -> str:
    """A file's name relative to the data's root; absolute for a file outside of it, which a CSV may name."""
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def manifests(data: ReidData) -> list[Path]:
    """The manifest of a rendered set, also of one that replaces PRID2011. Empty for other data, even if a file has the
    name of a manifest."""
    places = (data.root / MANIFEST, data.root / ARCHIVE_FOLDER / MANIFEST)
    rendered = data.name.startswith("synthetic")
    return [path for path in places if path.is_file() and (rendered or _has_clips(path))]


def _has_clips(manifest: Path) -> bool:
    try:
        return bool(hashes_of_clips(manifest))
    except UserError:
        return False


def hashes_of_clips(manifest: Path) -> dict[str, str]:
    """Pixel hash by clip of a manifest. Raises UserError where the file is no manifest."""
    return {clip: str(row["pixels_sha256"]) for clip, row in _rows_of(manifest).items()}


def _rows_of(manifest: Path) -> dict[str, ManifestRow]:
    """Rows of a manifest by clip. Raises UserError where the file is no manifest, or a row has no pixel hash."""
    try:
        rows = read_manifest(manifest)
        if lacking := next((clip for clip, row in rows.items() if "pixels_sha256" not in row), None):
            raise ValueError(f"{lacking} has no pixels_sha256")
    except (ValueError, KeyError, TypeError) as broken:
        raise UserError(f"{manifest}: not a manifest of clips ({broken}); render the set again") from broken
    return rows
