"""Download and unpack a packed set: `python -m synth.unpack --data s3://bucket/set --out OUT`."""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alignnet_common.cli.progress import progress
from alignnet_common.errors import JobError, UserError
from alignnet_common.files import sha256_of_file, write_atomically, write_jsonl
from alignnet_common.options import option
from alignnet_common.set_format import ManifestRow, frame_file
from synth.commands import PROGRAM
from synth.dataset.layout import RenderedSet
from synth.dataset.manifest import append_row, known_rows, sweep
from synth.dataset.reader import clip_error
from synth.dataset.remote import RemoteFolder, remote_folder
from synth.dataset.webdataset import read_index, read_tar
from synth.dataset.writer import write_files


@dataclass(frozen=True)
class UnpackConfig:
    """Download a set that `python -m synth.pack` stored, byte for byte as it was.

    The hash of each tar is checked. After an interruption, repeat the command: undamaged clips are kept.
    """

    data: str = option("", formerly="source")
    """Address of the packed set. Required."""

    out: Path = Path("data/synthetic")
    """Folder for the set: a new one, or one with part of this set."""

    def __post_init__(self) -> None:
        """Check that the source is given."""
        if not self.data:
            raise ValueError("--data: name the address of the packed set")


def unpack(config: UnpackConfig) -> None:
    """Download the missing clips, tar by tar, then the files beside them."""
    remote, target = remote_folder(config.data), RenderedSet(config.out)
    index = read_index(remote)
    known_rows(target)  # raises before anything is written
    target.out.mkdir(parents=True, exist_ok=True)
    with target.held():
        sweep(target, ())
        new = fetch_clips(remote, index, target)
        for name, digest in index["beside"].items():
            content = remote.read(name)
            if hashlib.sha256(content).hexdigest() != digest:
                raise JobError(f"{config.data}/{name} hash differs from the index: pack the set again")
            write_atomically(target.out / Path(name).name, content)
    clips = sum(len(tar["clips"]) for tar in index["tars"])
    print(f"{config.out}: {clips} clips, {index['frames']} frames, {new} of the clips new")


def fetch_clips(remote: RemoteFolder, index: Mapping[str, Any], target: RenderedSet) -> int:
    """Download missing and damaged clips; each enters the manifest when it is written. Returns their number."""
    valid = valid_clips(target, index)
    rows = [row for tar in index["tars"] for row in tar["clips"]]
    # Rewritten, because a row that a crash cut short would spoil the next one.
    write_jsonl(target.manifest, [row for row in rows if row["clip"] in valid])
    with progress(total=len(rows), desc=f"unpack to {target.out}", unit="clip") as bar:
        for tar in index["tars"]:
            wanted = {row["clip"]: row for row in tar["clips"] if row["clip"] not in valid}
            bar.update(len(tar["clips"]) - len(wanted))
            for row in fetch_tar(remote, tar, wanted, target) if wanted else ():
                append_row(target, row)
                bar.update()
    return len(rows) - len(valid)


def valid_clips(target: RenderedSet, index: Mapping[str, Any]) -> set[str]:
    """Names of the clips that exist undamaged. Raises UserError if the folder holds another set."""
    here = {row["clip"]: row for row in known_rows(target)}
    packed = {row["clip"]: row for tar in index["tars"] for row in tar["clips"]}
    if others := sorted(clip for clip, row in here.items() if packed.get(clip) != row):
        raise UserError(f"{target.out} holds another set ({others[0]}): name another folder with --out")
    bar = progress(here.items(), desc=f"check {target.out}", unit="clip", delay=3.0, leave=False)
    return {clip for clip, row in bar if clip_error(target, row) is None}


def fetch_tar(
    remote: RemoteFolder, tar: Mapping[str, Any], wanted: Mapping[str, ManifestRow], target: RenderedSet
) -> Iterator[ManifestRow]:
    """Download a tar and write its clips that are in `wanted`, rows by clip; yields the row of each written clip.

    Raises JobError if the tar's hash is not that of the index, or a clip is not complete in it.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clips.tar"
        remote.fetch(tar["name"], path)
        if sha256_of_file(path) != tar["sha256"]:
            raise JobError(f"{remote.address}/{tar['name']} hash differs from the index: delete it and pack again")
        for clip, parts in read_tar(path):
            if clip in wanted:
                try:
                    frames = [parts[frame_file(number)] for number in range(1, wanted[clip]["frames"] + 1)]
                    annotations = parts["truth.npz"]
                except KeyError as missing:
                    raise JobError(
                        f"{remote.address}/{tar['name']}: no {missing} of {clip}: pack the set again"
                    ) from None
                write_files(target, clip, frames, annotations)
                yield wanted[clip]


if __name__ == "__main__":
    PROGRAM.run("unpack")
