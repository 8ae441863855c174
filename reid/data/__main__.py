"""What is there: identities, tracklets, frames, cameras, lengths, splits, and what is wrong.

    python -m reid.data data/prid2011 --dataset prid
    python -m reid.data own.csv --dataset folder --json own.json
    python -m reid.data data/mars --dataset mars --decode        every frame is read, too

Exit code 2 where something would stop an evaluation; a number that is only unlike the published one is a warning.
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

from alignnet_common.cli import run_command
from alignnet_common.errors import UserError
from alignnet_common.files import write_json
from reid.configs.checks import require
from reid.configs.data import ProtocolConfig
from reid.data import load_splits
from reid.data.fingerprint import fingerprint
from reid.data.summary import in_text, summary
from reid.data.tracklets.frames import read_frame
from reid.data.tracklets.types import ReidData

PROG = "python -m reid.data"


@dataclass(frozen=True)
class DataConfig(ProtocolConfig):
    """Print what a data set holds: python -m reid.data ROOT --dataset prid."""

    seed: int = 0
    """Seed of the random halves, where --split-seed is not given."""

    decode: bool = False
    """Read every frame too, and name those that cannot be read."""

    json: Path | None = None
    """File that the same is written to, as JSON. Default: printed only."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        self.check_protocol()
        require(self.seed >= 0, f"--seed must not be negative, not {self.seed}")


def data(config: DataConfig) -> None:
    """Read, print, and write where `--json` says. Raises UserError where something would stop an evaluation."""
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
        more = f" (and {len(wrong) - 1} more things are wrong)" if len(wrong) > 1 else ""
        raise UserError(wrong[0] + more)


def read(config: DataConfig) -> tuple[tuple[ReidData, ...], list[str]]:
    """Every split, and what is wrong; where a split file alone is at fault, seeded halves show the rest."""
    try:
        return load_splits(config, config.seed), []
    except UserError as fault:
        if config.dataset not in ("prid", "ilids", "folder") or config.splits == "random":
            raise
        try:
            return load_splits(replace(config, splits="random"), config.seed), [str(fault)]
        except UserError:
            raise fault from None


def unreadable(data: ReidData) -> list[str]:
    """A line for each frame that cannot be decoded."""
    found = []
    for tracklet in data.tracklets:
        for frame in tracklet.frames:
            try:
                read_frame(frame)
            except UserError as broken:
                found.append(str(broken))
    return found


def with_root(argv: list[str]) -> list[str]:
    """`argv` with --root before its first word, if that is no flag.

    >>> with_root(["data/mars", "--dataset", "mars"])
    ['--root', 'data/mars', '--dataset', 'mars']
    """
    return ["--root", *argv] if argv and not argv[0].startswith("-") else argv


if __name__ == "__main__":
    run_command(data, DataConfig, PROG, argv=with_root(sys.argv[1:]))
