"""Bring a packed set to this machine: `python -m synth.unpack --source s3://bucket/set --out OUT`."""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from alignnet_common.cli import run
from alignnet_common.errors import JobError, UserError
from alignnet_common.files import sha256_of_file, write_atomically, write_jsonl
from alignnet_common.set_format import ManifestRow, frame_file
from synth.dataset.layout import RenderedSet
from synth.dataset.manifest import append_row, known_rows, sweep
from synth.dataset.reader import fault_of
from synth.dataset.remote import RemoteFolder, remote_folder
from synth.dataset.webdataset import read_index, read_tar
from synth.dataset.writer import write_files


@dataclass(frozen=True)
class UnpackConfig:
    """Fetch a set that `python -m synth.pack` has stored, byte for byte as it was.

    Every tar's hash is checked. The same command goes on where a stopped one left off: clips that are here and sound
    are not fetched again.
    """

    source: str = ""
    """Address of the packed set. Needed."""

    out: Path = Path("data/synthetic")
    """Folder that the set goes to: a new one, or one that holds some of this set."""

    def __post_init__(self) -> None:
        """Refuse values that cannot be meant."""
        if not self.source:
            raise ValueError("--source: say where the packed set is")


def unpack(config: UnpackConfig) -> None:
    """Fetch what is not here, tar by tar, and the files beside the clips last."""
    remote, target = remote_folder(config.source), RenderedSet(config.out)
    index = read_index(remote)
    known_rows(target)  # what is refused is refused before anything is written
    target.out.mkdir(parents=True, exist_ok=True)
    with target.held():
        sweep(target, ())
        new = fetch_clips(remote, index, target)
        for name, digest in index["beside"].items():
            content = remote.read(name)
            if hashlib.sha256(content).hexdigest() != digest:
                raise JobError(f"{config.source}/{name} is not what was packed: pack the set again")
            write_atomically(target.out / Path(name).name, content)
    clips = sum(len(tar["clips"]) for tar in index["tars"])
    print(f"{config.out}: {clips} clips, {index['frames']} frames, {new} of the clips new")


def fetch_clips(remote: RemoteFolder, index: Mapping[str, Any], target: RenderedSet) -> int:
    """Fetch the clips that are not here and sound, each entered in the manifest when it is; returns how many."""
    sound = sound_clips(target, index)
    rows = [row for tar in index["tars"] for row in tar["clips"]]
    # A row that was cut short when it was written goes, before others are put behind it.
    write_jsonl(target.manifest, [row for row in rows if row["clip"] in sound])
    with tqdm(total=len(rows), desc=f"unpack to {target.out}", unit="clip") as bar:
        for tar in index["tars"]:
            wanted = {row["clip"]: row for row in tar["clips"] if row["clip"] not in sound}
            bar.update(len(tar["clips"]) - len(wanted))
            for row in fetched(remote, tar, wanted, target) if wanted else ():
                append_row(target, row)
                bar.update()
    return len(rows) - len(sound)


def sound_clips(target: RenderedSet, index: Mapping[str, Any]) -> set[str]:
    """Names of the clips that are here as they were packed. Raises UserError where something else is in the folder."""
    here = {row["clip"]: row for row in known_rows(target)}
    packed = {row["clip"]: row for tar in index["tars"] for row in tar["clips"]}
    if strangers := sorted(clip for clip, row in here.items() if packed.get(clip) != row):
        raise UserError(f"{target.out} holds another set ({strangers[0]}): name another folder with --out")
    bar = tqdm(here.items(), desc=f"check {target.out}", unit="clip", delay=3.0, leave=False)
    return {clip for clip, row in bar if fault_of(target, row) is None}


def fetched(
    remote: RemoteFolder, tar: Mapping[str, Any], wanted: Mapping[str, ManifestRow], target: RenderedSet
) -> Iterator[ManifestRow]:
    """Fetch a tar and write those of its clips that are wanted; yields their rows, each once its files are there.

    Raises JobError where the tar is not what was packed.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clips.tar"
        remote.fetch(tar["name"], path)
        if sha256_of_file(path) != tar["sha256"]:
            raise JobError(f"{remote.address}/{tar['name']} is not what was packed: delete it and pack the set again")
        for clip, parts in read_tar(path):
            if clip in wanted:
                frames = [parts[frame_file(number)] for number in range(1, wanted[clip]["frames"] + 1)]
                write_files(target, clip, frames, parts["truth.npz"])
                yield wanted[clip]


if __name__ == "__main__":
    run(unpack, UnpackConfig, "python -m synth.unpack", goes_on=True)
