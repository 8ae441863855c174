"""Contents of a data set: identities, tracklets, frames, cameras, lengths, splits, and errors.

    python -m reid.data data/prid2011 --dataset prid
    python -m reid.data own.csv --dataset folder --json own.json
    python -m reid.data data/mars --dataset mars --decode        decode every frame

Exit code 2 on an error that would stop an evaluation. A count that differs from the published one is a warning.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from alignnet_common.errors import UserError
from alignnet_common.files import write_json
from alignnet_common.options import bounded, check_ranges, option
from reid.configs.groups.data import ProtocolConfig
from reid.data import load_splits
from reid.data.fingerprint import fingerprint
from reid.data.summary import in_text, summary
from reid.data.tracklets.frames import read_frame
from reid.data.tracklets.types import ReidData

PROG = "python -m reid.data"


@dataclass(frozen=True)
class DataConfig(ProtocolConfig):
    """Check a data set: identities, tracklets, frames, cameras, splits, and errors."""

    root: Path | None = option(None, first_word=True, aliases=["--data"])
    """Folder of the data set (folder: or a CSV file). Default: as in reid finetune."""

    seed: int = bounded(0, at_least=0)
    """Seed of the random splits, if --split-seed is not given."""

    decode: bool = False
    """Decode every frame, and list the unreadable ones."""

    json: Path | None = None
    """File for the same contents as JSON. Default: they are printed only."""

    def __post_init__(self) -> None:
        self.check_protocol()
        check_ranges(self)


def data(config: DataConfig) -> None:
    """Read, print, and write --json. Raises UserError on an error that would stop an evaluation."""
    if config.json is not None and config.json.is_dir():
        raise UserError(f"--json {config.json} is a folder; name a file")
    splits, wrong = read(config)
    if config.decode:
        wrong += unreadable(splits[0])
    found = summary(splits, wrong) | {"fingerprint": fingerprint(splits[0])}
    print(in_text(found))
    if config.json is not None:
        write_json(config.json, found)
    if wrong:
        more = f" (further errors: {len(wrong) - 1})" if len(wrong) > 1 else ""
        raise UserError(wrong[0] + more)


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
