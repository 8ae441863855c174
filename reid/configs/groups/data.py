"""Options of the data set, its split and protocol."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from alignnet_common.files import set_folder
from alignnet_common.options import option
from reid.configs.groups.checks import require

DatasetName = Literal["prid", "ilids", "mars", "market", "synthetic", "folder"]
SplitSource = Literal["auto", "published", "json", "mat", "random"]
OLD_SPLIT_SOURCES = {"auto": "auto", "all": "published", "json": "json", "mat": "mat", "random": "random"}
"""Values of --splits before it was called --split-source."""
DATASET_SYNONYMS = {"prid2011": "prid", "ilidsvid": "ilids", "ilids-vid": "ilids", "market1501": "market"}

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

    GROUP: ClassVar[str] = "data set and split"

    dataset: DatasetName = option("prid", synonyms=DATASET_SYNONYMS)
    """Layout of the data: prid (PRID2011 multi-shot; also prid2011), ilids (iLIDS-VID; also ilidsvid), mars, market
    (Market-1501 as tracklets; also market1501), synthetic (a data set of synth render), folder (custom data:
    ROOT/camera/person/frames, or a CSV of path,person,camera)."""

    root: Path | None = option(None, aliases=["--data"])
    """Folder of the data set (folder: or a CSV file); "sample" = the synthetic set that is installed with the package.
    Default: data/prid2011, data/ilids-vid, data/mars, data/market1501, data/synthetic or data/own."""

    split: int | None = None
    """Number of the split, 0-9 (prid, ilids, synthetic, folder). Default: 0."""

    split_source: SplitSource = option("auto", formerly={"splits": OLD_SPLIT_SOURCES})
    """Source of the identity splits. published = the published file, which must exist; json, mat = the published file
    of this format (prid; ilids: mat only); random = ten seeded 50/50 splits; auto = the published file, or for prid
    seeded splits if there is none. folder: json = splits.json in the root; auto and published = splits.json, or seeded
    splits if there is none. mars, market and synthetic have one source."""

    split_seed: int | None = option(None, rare=True)
    """Seed of random splits and of the test identities of --test-share. Default: --seed."""

    min_frames: int | None = option(None, rare=True)
    """prid: random splits use identities with at least this many frames in both cameras. Default: 27, which gives the
    178 identities of the literature; 1 for a synthetic data set in PRID2011's layout."""

    market_test: Literal["held-out", "official"] = "held-out"
    """market: held-out = test on --test-share of the training identities; official = on the folders query and
    bounding_box_test."""

    test_share: float = option(0.1, formerly="held_out")
    """market with --market-test held-out: share of the training identities that is tested on, between 0 and 1."""

    def check_protocol(self) -> None:
        """Raise ValueError, one line that names the option, on a value out of range."""
        require(0 <= self.split_or_first <= 9, f"--split must be 0 to 9, not {self.split}")
        require(
            self.min_frames is None or self.min_frames >= 1, f"--min-frames must be at least 1, not {self.min_frames}"
        )
        require(0 < self.test_share < 1, f"--test-share must lie between 0 and 1, not {self.test_share}")
        require(self.split_seed is None or self.split_seed >= 0, "--split-seed must not be negative")

    @property
    def split_or_first(self) -> int:
        """Number of the split, 0 by default."""
        return self.split or 0

    @property
    def data_root(self) -> Path:
        """The folder of the data set: --root, or the default for --dataset. The word "sample" is the shipped set."""
        return set_folder(self.root or DEFAULT_ROOTS[self.dataset])
