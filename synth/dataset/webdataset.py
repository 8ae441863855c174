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

from alignnet_common.errors import UserError
from alignnet_common.set_format import CARD, CLIP_NAME, CONFIG, MANIFEST, PLAN, RESULT, ManifestRow, frame_file
from synth.dataset.layout import RenderedSet
from synth.dataset.remote import RemoteFolder

INDEX = "index.json"
"""Name of the index, which is stored last: if it exists, the packed set is complete."""
BESIDE = (PLAN, MANIFEST, CONFIG, RESULT)
"""Files of a set that are stored beside the tars, unchanged."""
IF_THERE = (CARD,)
"""Files that are stored beside the tars if the set has them: older sets have no card."""
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
    """Each clip of a tar: its name, and its parts by name. Raises tarfile.TarError if the tar is broken."""
    clip, parts = "", dict[str, bytes]()
    with tarfile.open(path, mode="r:") as tar:
        for member in tar:
            name, _, part = member.name.partition(".")
            if name != clip and parts:
                yield clip, parts
                parts = {}
            clip, stream = name, tar.extractfile(member)
            parts[part] = stream.read() if stream else b""
    if parts:
        yield clip, parts


def read_index(remote: RemoteFolder) -> dict[str, Any]:
    """The index of a packed set. Raises UserError if it is missing, broken or of another version.

    Clips must be named as CLIP_NAME says, since their names become paths.
    """
    if remote.size(INDEX) is None:
        raise UserError(f"{remote.address} holds no {INDEX}: name the --to of a finished python -m synth.pack")
    try:
        index = json.loads(remote.read(INDEX))
        clips = [row["clip"] for tar in index["tars"] for row in tar["clips"]]
        if index["format"] != FORMAT or not all(CLIP_NAME.fullmatch(clip) for clip in clips):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{remote.address}/{INDEX} is no index of this version: pack the set again") from None
    return dict(index)
