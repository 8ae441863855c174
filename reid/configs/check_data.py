"""Options of reid data."""

from dataclasses import dataclass
from pathlib import Path

from alignnet_common.options import bounded, check_ranges, option
from reid.configs.groups.data import ProtocolConfig


@dataclass(frozen=True)
class DataConfig(ProtocolConfig):
    """Check a data set: identities, tracklets, frames, cameras, splits, and errors."""

    root: Path | None = option(None, first_word=True, aliases=["--data"])
    """Folder of the data set (folder: or a CSV file); "sample" = the synthetic set that is installed with the package.
    Default: as in reid finetune."""

    seed: int = bounded(0, at_least=0)
    """Seed of the random splits, if --split-seed is not given."""

    decode: bool = False
    """Decode every frame, and list the unreadable ones."""

    json: Path | None = None
    """File for the same contents as JSON. Default: they are printed only."""

    def __post_init__(self) -> None:
        self.check_protocol()
        check_ranges(self)
