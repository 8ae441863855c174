"""Put a rendered set where many machines can read it: `python -m synth.pack --data OUT --to s3://bucket/set`."""

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from alignnet_common.cli import run
from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file
from alignnet_common.set_format import MANIFEST, ManifestRow
from synth.dataset.integrity import clip_faults, planned_clips
from synth.dataset.layout import RenderedSet
from synth.dataset.reader import finished_rows
from synth.dataset.remote import RemoteFolder, remote_folder
from synth.dataset.webdataset import BESIDE, FORMAT, INDEX, read_index, write_tar


@dataclass(frozen=True)
class PackConfig:
    """Pack a finished set into tar files of whole clips, which WebDataset reads, and store them at any address.

    The same command goes on where a stopped one left off, and stores no tar twice. `python -m synth.unpack` brings the
    set back, byte for byte.
    """

    to: str = ""
    """Address of a folder that fsspec knows, such as s3://bucket/set (with s3fs installed) or a path. Needed."""

    data: Path = Path("data/synthetic")
    """Folder of the set, all of it rendered."""

    clips_a_tar: int = 100
    """Clips a tar; 100 of 50 frames take about 85 MB."""

    def __post_init__(self) -> None:
        """Refuse values that cannot be meant."""
        if not self.to:
            raise ValueError("--to: say where the tar files go")
        if self.clips_a_tar < 1:
            raise ValueError(f"--clips-a-tar {self.clips_a_tar}: must be 1 or more")


def pack(config: PackConfig) -> None:
    """Store the tars, what lies beside them, and the index last."""
    source, remote = RenderedSet(config.data), remote_folder(config.to)
    listed = source.manifest.read_bytes() if source.manifest.is_file() else b""
    rows = sound_rows(source)
    # As they are now: whoever renders this set on meanwhile writes them anew.
    kept = {name: (config.data / name).read_bytes() for name in BESIDE}
    if kept[MANIFEST] != listed:
        raise UserError(f"{config.data} is being rendered on: pack it when that command has finished")
    beside = {name: hashlib.sha256(content).hexdigest() for name, content in kept.items()}
    begin(remote, beside)
    tars: list[dict[str, Any]] = []
    with tqdm(total=len(rows), desc=f"pack to {config.to}", unit="clip") as bar:
        for first in range(0, len(rows), config.clips_a_tar):
            group = rows[first : first + config.clips_a_tar]
            tars.append(stored_tar(source, remote, len(tars), group))
            bar.update(len(group))
    for name, content in kept.items():
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
    print(f"{config.to}: {len(rows)} clips in {len(tars)} tar files, {size / 1e6:.1f} MB")


def begin(remote: RemoteFolder, beside: dict[str, str]) -> None:
    """Make the folder. Raises UserError where another set is stored there."""
    remote.make()
    if remote.size(INDEX) is not None and read_index(remote)["beside"][MANIFEST] != beside[MANIFEST]:
        raise UserError(f"{remote.address} holds another packed set: name another folder with --to")


def sound_rows(source: RenderedSet) -> list[ManifestRow]:
    """The manifest's rows. Raises UserError where the set is not whole, or not as it was rendered."""
    rows = finished_rows(source)
    if missing := [name for name in BESIDE if not (source.out / name).is_file()]:
        raise UserError(f"{source.out} has no {missing[0]}: let the command that renders the set finish")
    faults = clip_faults(source, planned_clips(source), {row["clip"]: row for row in rows})
    if faults:
        clip, what = next(iter(faults.items()))
        raise UserError(
            f"{source.out}: {len(faults)} clips are not sound ({clip}: {what}): "
            "let the command that renders the set finish, or see python -m synth.verify"
        )
    return rows


def stored_tar(source: RenderedSet, remote: RemoteFolder, number: int, rows: Sequence[ManifestRow]) -> dict[str, Any]:
    """Make a tar of some clips and store it, unless it is there; returns its record in the index."""
    with tempfile.NamedTemporaryFile(suffix=".tar") as stream:
        write_tar(stream, source, rows)  # type: ignore[arg-type]  # the wrapper of a file is one to tarfile
        stream.flush()
        path = Path(stream.name)
        digest, size = sha256_of_file(path), path.stat().st_size
        name = f"clips-{number:06d}-{digest[:12]}.tar"
        if remote.size(name) != size:
            remote.write(name, path)
    return {"name": name, "bytes": size, "sha256": digest, "clips": list(rows)}


if __name__ == "__main__":
    run(pack, PackConfig, "python -m synth.pack", goes_on=True)
