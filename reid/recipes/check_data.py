"""Contents of a data set: identities, tracklets, frames, cameras, lengths, splits, and errors.

    python -m reid.data data/prid2011 --dataset prid
    python -m reid.data own.csv --dataset folder --json own.json
    python -m reid.data data/mars --dataset mars --decode        decode every frame
    python -m reid.data sample --dataset synthetic --torchreid reid-data

Exit code 2 on an error that would stop an evaluation. A count that differs from the published one is a warning.
"""

from dataclasses import replace

from alignnet_common.errors import UserError
from alignnet_common.files import write_json
from reid.configs.check_data import DataConfig
from reid.data import load_splits
from reid.data.fingerprint import fingerprint
from reid.data.summary import in_text, summary
from reid.data.torchreid_layout import write_torchreid_layout
from reid.data.tracklets.frames import read_frame
from reid.data.tracklets.types import ReidData


def data(config: DataConfig) -> None:
    """Read, print, and write --json and --torchreid. Raises UserError on an error that would stop an evaluation."""
    if config.json is not None and config.json.is_dir():
        raise UserError(f"--json {config.json} is a folder; name a file")
    splits, wrong = read(config)
    if config.decode:
        wrong += unreadable(splits[0])
    found = summary(splits, wrong) | {"fingerprint": fingerprint(splits[0])}
    if config.json is not None:
        write_json(config.json, found)
    print(in_text(found))  # after the file: a closed pipe ends the command here
    if wrong:
        more = f" (further errors: {len(wrong) - 1})" if len(wrong) > 1 else ""
        raise UserError(wrong[0] + more)
    if config.torchreid is not None:
        written = write_torchreid_layout(splits, config.torchreid)
        print(
            f"{written} is written: torchreid.data.VideoDataManager(root={str(config.torchreid)!r}, sources='prid2011')"
        )


def read(config: DataConfig) -> tuple[tuple[ReidData, ...], list[str]]:
    """All splits, and errors. If only the split file is at fault, random splits are returned with its error."""
    try:
        return load_splits(config, config.seed), []
    except UserError as fault:
        if config.dataset not in ("prid", "ilids", "folder") or config.split_source == "random":
            raise
        try:
            return load_splits(
                replace(config, split_source="random", min_frames=config.min_frames or 1), config.seed
            ), [str(fault)]
        except UserError:
            raise fault from None


def unreadable(data: ReidData) -> list[str]:
    """An error for each frame that cannot be decoded."""
    found = []
    for tracklet in data.tracklets:
        for frame in tracklet.frames:
            try:
                read_frame(frame)
            except UserError as broken:
                found.append(str(broken))
    return found
