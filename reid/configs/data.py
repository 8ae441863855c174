"""Options of the data set, its split and protocol."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reid.configs.checks import require

DatasetName = Literal["prid", "ilids", "mars", "market", "synthetic", "folder"]
SplitSource = Literal["auto", "all", "json", "mat", "random"]

DEFAULT_ROOTS: dict[str, Path] = {
    "prid": Path("data/prid2011"),
    "ilids": Path("data/ilids-vid"),
    "mars": Path("data/mars"),
    "market": Path("data/market1501"),
    "synthetic": Path("data/synthetic"),
    "folder": Path("data/own"),
}


@dataclass(frozen=True)
class ProtocolConfig:
    """Data set, and its split into training and test identities."""

    dataset: DatasetName = "prid"
    """Layout of the data: prid (PRID2011 multi-shot), ilids (iLIDS-VID), mars, market (Market-1501 as tracklets),
    synthetic (a rendered set), folder (one's own: ROOT/camera/person/frames, or a CSV of path,person,camera).
    """

    root: Path | None = None
    """Folder of the data set (folder: or a CSV file). Default: data/prid2011, data/ilids-vid, data/mars,
    data/market1501, data/synthetic or data/own.
    """

    split: int | None = None
    """Number of the split, 0-9 (prid, ilids, synthetic, folder). Default: 0; with --splits all, every split."""

    splits: SplitSource = "auto"
    """Source of the identity splits. json, mat = the published file of this format (prid; ilids: mat only); all = every
    published split, whose file must exist; random = ten seeded 50/50 splits; auto = the published file, or for prid
    seeded splits if there is none. folder: json = splits.json in the root; auto and all = splits.json, or seeded splits
    if there is none. mars, market and synthetic have one source.
    """

    split_seed: int | None = None
    """Seed of random splits and of held-out identities. Default: --seed."""

    min_frames: int = 1
    """prid: random splits use identities with at least this many frames in both cameras (27 gives the usual 178)."""

    market_test: Literal["held-out", "official"] = "held-out"
    """market: test on held-out training identities, or on the folders query and bounding_box_test."""

    held_out: float = 0.1
    """market: share of the training identities that is held out for testing, between 0 and 1."""

    def check_protocol(self) -> None:
        """Raise ValueError, one line that names the option, on a value out of range."""
        require(0 <= self.split_or_first <= 9, f"--split must be 0 to 9, not {self.split}")
        require(self.min_frames >= 1, f"--min-frames must be at least 1, not {self.min_frames}")
        require(0 < self.held_out < 1, f"--held-out must lie between 0 and 1, not {self.held_out}")
        require(self.split_seed is None or self.split_seed >= 0, "--split-seed must not be negative")

    @property
    def split_or_first(self) -> int:
        """Number of the split, 0 by default."""
        return self.split or 0

    @property
    def data_root(self) -> Path:
        """The folder of the data set: --root, or the default for --dataset."""
        return self.root or DEFAULT_ROOTS[self.dataset]
