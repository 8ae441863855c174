"""Pack a rendered set into WebDataset shards: `python -m synth.pack --data OUT --out s3://bucket/set`."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alignnet_common.cli.progress import progress
from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file
from alignnet_common.options import option
from alignnet_common.set_format import MANIFEST, ManifestRow
from synth.commands import PROGRAM
from synth.dataset.integrity import clip_errors, planned_clips
from synth.dataset.layout import RenderedSet
from synth.dataset.reader import finished_rows
from synth.dataset.remote import RemoteFolder, remote_folder
from synth.dataset.webdataset import BESIDE, FORMAT, IF_THERE, INDEX, read_index, write_tar

Check = Callable[[RenderedSet], list[ManifestRow]]


@dataclass(frozen=True)
class PackConfig:
    """Pack a finished set into WebDataset tar files of whole clips, and store them at any address.

    After an interruption, repeat the command: it stores only what is missing. `python -m synth.unpack` restores the set
    byte for byte.
    """

    out: str = option("", formerly="to")
    """Destination folder, at any address that fsspec supports: s3://bucket/set (needs s3fs) or a path. Required."""

    data: Path = Path("data/synthetic")
    """Folder of the rendered set, which must be complete."""

    clips_per_shard: int = option(100, formerly="clips_a_tar")
    """Clips per tar file; 100 clips of 50 frames take about 85 MB."""

    def __post_init__(self) -> None:
        """Check the ranges of the values."""
        if not self.out:
            raise ValueError("--out: name the folder for the tar files")
        if self.clips_per_shard < 1:
            raise ValueError(f"--clips-per-shard {self.clips_per_shard}: must be 1 or more")


def pack(config: PackConfig, check: Check | None = None) -> None:
    """Store the tars, then the files beside them, then the index.

    `check` gives the rows of the set to pack and raises UserError if the set is damaged; by default `checked_rows`.
    """
    source, remote = RenderedSet(config.data), remote_folder(config.out)
    manifest = source.manifest.read_bytes() if source.manifest.is_file() else b""
    rows = (check or checked_rows)(source)
    # Read now, because a command that goes on rendering this set would rewrite them.
    names = [*BESIDE, *(name for name in IF_THERE if (config.data / name).is_file())]
    contents = {name: (config.data / name).read_bytes() for name in names}
    if contents[MANIFEST] != manifest:
        raise UserError(f"{config.data} is being rendered: pack it when that command has finished")
    beside = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    prepare(remote, beside)
    tars: list[dict[str, Any]] = []
    with progress(total=len(rows), desc=f"pack to {config.out}", unit="clip") as bar:
        for first in range(0, len(rows), config.clips_per_shard):
            group = rows[first : first + config.clips_per_shard]
            tars.append(stored_tar(source, remote, len(tars), group))
            bar.update(len(group))
    for name, content in contents.items():
        remote.write(name, content)
    index = {
        "format": FORMAT,
        "command": "python -m synth.pack",
        "frames": sum(row["frames"] for row in rows),
        "beside": beside,
        "tars": tars,
    }
    remote.write(INDEX, (json.dumps(index, indent=1) + "\n").encode())
    size = sum(tar["bytes"] for tar in tars)
    print(f"{config.out}: {len(rows)} clips in {len(tars)} tar files, {size / 1e6:.1f} MB")


def prepare(remote: RemoteFolder, beside: dict[str, str]) -> None:
    """Create the folder. Raises UserError if another set is stored there."""
    remote.make()
    if remote.size(INDEX) is not None and read_index(remote)["beside"][MANIFEST] != beside[MANIFEST]:
        raise UserError(f"{remote.address} holds another packed set: name another folder with --out")


def checked_rows(source: RenderedSet) -> list[ManifestRow]:
    """The manifest's rows. Raises UserError if the set is incomplete or damaged."""
    rows = finished_rows(source)
    if missing := [name for name in BESIDE if not (source.out / name).is_file()]:
        raise UserError(f"{source.out} has no {missing[0]}: let the command that renders the set finish")
    errors = clip_errors(source, planned_clips(source), {row["clip"]: row for row in rows})
    if errors:
        clip, error = next(iter(errors.items()))
        raise UserError(
            f"{source.out}: {len(errors)} clips are missing or damaged ({clip}: {error}): "
            "let the command that renders the set finish, or run python -m synth.verify"
        )
    return rows


def stored_tar(source: RenderedSet, remote: RemoteFolder, number: int, rows: Sequence[ManifestRow]) -> dict[str, Any]:
    """Store a tar of the clips `rows` unless it is stored already; returns its record in the index."""
    with tempfile.NamedTemporaryFile(suffix=".tar") as stream:
        write_tar(stream, source, rows)  # type: ignore[arg-type]  # tarfile accepts the wrapper of a file
        stream.flush()
        path = Path(stream.name)
        digest, size = sha256_of_file(path), path.stat().st_size
        name = f"clips-{number:06d}-{digest[:12]}.tar"
        if remote.size(name) != size:
            remote.write(name, path)
    return {"name": name, "bytes": size, "sha256": digest, "clips": list(rows)}


if __name__ == "__main__":
    PROGRAM.run("pack")
