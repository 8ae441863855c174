"""WebDataset shards of a rendered set: tar files of whole clips (https://github.com/webdataset/webdataset).

Each clip is one sample. Its key is "cam_a/person_0001"; its parts are `0001.png` and so on, `truth.npz` (annotations)
and `clip.json` (its row of the manifest). The bytes of a tar depend only on its clips, and its name contains their
hash, so that a tar that is stored already need not be stored again.
"""

import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from alignnet_common.checked.forms import AtLeast
from alignnet_common.checked.json_file import parsed
from alignnet_common.checked.names import is_plain
from alignnet_common.checked.set_rows import FIELDS
from alignnet_common.checked.tar_file import plain_files
from alignnet_common.errors import JobError, UserError
from alignnet_common.set_format import CARD, CLIP_NAME, CONFIG, MANIFEST, PLAN, RESULT, ManifestRow, frame_file
from synth.dataset.layout import RenderedSet
from synth.dataset.remote import RemoteFolder

INDEX = "index.json"
"""Name of the index, which is stored last: if it exists, the packed set is complete."""
BESIDE = (PLAN, MANIFEST, CONFIG, RESULT)
"""Files of a set that are stored beside the tars, unchanged."""
IF_THERE = (CARD,)
"""Files that are stored beside the tars if the set has them: older sets have no card."""
LARGEST_INDEX = 2**30
"""Bytes of an index, at most: those of a million clips."""
FORMAT = 1
"""Version of the index."""


def write_tar(stream: BinaryIO, source: RenderedSet, rows: Sequence[ManifestRow]) -> None:
    """Write the clips of `rows`, rows of the manifest, as a tar. The same clips give the same bytes."""
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for row in rows:
            for name, content in parts_of(source, row):
                member = tarfile.TarInfo(f"{row['clip']}.{name}")
                member.size, member.mode = len(content), 0o644
                tar.addfile(member, io.BytesIO(content))


def parts_of(source: RenderedSet, row: ManifestRow) -> Iterator[tuple[str, bytes]]:
    """Names and contents of a clip's parts."""
    yield "clip.json", json.dumps(row).encode()
    yield "truth.npz", source.annotation(row["clip"]).read_bytes()
    for number in range(1, row["frames"] + 1):
        yield frame_file(number), (source.frames(row["clip"]) / frame_file(number)).read_bytes()


def read_tar(path: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Each clip of a tar: its name, and its parts by name. Raises JobError if the tar is broken, or has members that
    `write_tar` does not write."""
    clip, parts = "", dict[str, bytes]()
    try:
        for member, content in plain_files(path):
            name, _, part = member.partition(".")
            if name != clip and parts:
                yield clip, parts
                parts = {}
            clip = name
            parts[part] = content
    except ValueError as broken:
        raise JobError(f"{path.name} is no tar of this program ({broken}): pack the set again") from broken
    if parts:
        yield clip, parts


ROW = {name if name in ("clip", "frames") else f"{name}?": form for name, form in FIELDS.items()}
FORM = {
    "format": int,
    "frames": AtLeast(0, int),
    "beside": {str: str},
    "tars": [{"name": str, "sha256": str, "clips": [ROW]}],
}
"""Form of the index."""


def read_index(remote: RemoteFolder) -> dict[str, Any]:
    """The index of a packed set. Raises UserError if it is missing, broken or of another version.

    Clips must be named as CLIP_NAME says, and the files beside them as in BESIDE and IF_THERE, since their names become
    paths. An index is at most `LARGEST_INDEX` long.
    """
    size = remote.size(INDEX)
    if size is None:
        raise UserError(f"{remote.address} holds no {INDEX}: name the --to of a finished python -m synth.pack")
    if size > LARGEST_INDEX:
        raise UserError(f"{remote.address}/{INDEX}: {size} bytes, which no index has: pack the set again")
    try:
        index = parsed(remote.read(INDEX), FORM)
        clips = [row["clip"] for tar in index["tars"] for row in tar["clips"]]
        if index["format"] != FORMAT or not all(CLIP_NAME.fullmatch(clip) for clip in clips):
            raise ValueError
        if not set(index["beside"]) <= {*BESIDE, *IF_THERE} or not all(is_plain(tar["name"]) for tar in index["tars"]):
            raise ValueError
    except ValueError:
        raise UserError(f"{remote.address}/{INDEX} is no index of this version: pack the set again") from None
    return dict(index)
