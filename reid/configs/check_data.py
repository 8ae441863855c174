"""Options of reid data."""

from dataclasses import dataclass
from pathlib import Path

from alignnet_common.options import bounded, check_ranges, option
from reid.configs.groups.checks import require
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

    torchreid: Path | None = None
    """Folder for the data set in the layout of torchreid's PRID2011 loader (prid, synthetic): a link to the frames, and
    the splits. Default: not written."""

    def __post_init__(self) -> None:
        self.check_protocol()
        require(
            self.torchreid is None or self.dataset in ("prid", "synthetic"),
            f"--torchreid: only for --dataset prid and synthetic, not {self.dataset}",
        )
        check_ranges(self)
