"""Options of reid evaluate."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alignnet_common.options import bounded, check_ranges, option
from reid.configs.groups.checks import check_device, require
from reid.configs.groups.data import ProtocolConfig, SplitSource
from reid.configs.groups.ranking import Clothes, Protocol, ScoreNorm

OLD_SPLIT_SOURCES_OF_EVALUATE = {name: name for name in ("auto", "json", "mat", "random")}
"""Values of --splits when it named the source of the splits; all means all splits, then as now."""


@dataclass(frozen=True)
class EvaluateConfig(ProtocolConfig):
    """Rank queries against a gallery: from a file of features (--features), or a data set and --weights."""

    features: Path | None = None
    """File of reid extract with persons and cameras, of which each row is ranked against all others. Or .npz of any
    program with query_features (Q,D), query_pids (Q,), query_cams (Q,), the same three for the gallery, and, if queries
    are in the gallery too, query_index (Q,): the gallery row of each query, from 0; for --clothes also query_outfits
    (Q,) and gallery_outfits (G,)."""

    gallery_features: Path | None = None
    """File of reid extract by the same network: the gallery, if the rows of --features are the queries alone."""

    protocol: Protocol = "step"
    """step: the gallery as given; torchreid: without the queries; official: all queries counted, trapezoidal AP."""

    clothes: Clothes | Literal["all"] = "general"
    """For cloth-changing data, which gallery tracklets of the query's person count, others of the person being ignored.
    general: all; same: those in the same outfit (SC); changed: those in another outfit (CC); all: the three one after
    another. Outfits are known for rendered sets (synth render --outfits) and from the column outfit of a CSV file."""

    score_norm: ScoreNorm | None = None
    """Score normalization of the distances: subtract the mean and divide by the deviation of the row, the column, or
    both (symmetric, as in the paper). Default: none."""

    rerank: bool = False
    """Re-rank by k-reciprocal neighbors (k1 = 20, k2 = 6, lambda = 0.3) before --score-norm."""

    weights: str | None = option(None, formerly="checkpoint")
    """Name of a shipped network, run folder, or model file; or a folder with one run per split: split-0, split-1, …"""

    splits: str | None = None
    """Splits to evaluate, with their mean and standard deviation: all, a range such as 0-9, or a list such as 0,3.
    Default: the one of --split; all with --split-source random."""

    split_source: SplitSource = option("auto", formerly={"splits": OLD_SPLIT_SOURCES_OF_EVALUATE})
    """Source of the identity splits, as in reid finetune."""

    out: Path | None = None
    """With --weights: folder for result.json, table.md (with Table 2 of the paper), cmc.svg and the descriptors."""

    json: Path | None = None
    """File for the result; with --weights, descriptors are saved in the folder features beside it. Default: the
    result is printed only."""

    page: Path | None = None
    """With --features of reid extract: an HTML file for the figures and ranked galleries with pictures, the hardest
    failures first. The images must still be where they were extracted."""

    chunk: int | None = bounded(None, at_least=1)
    """Frames in a chunk. Default: as in the training of --weights."""

    flip_test: bool = False
    """Describe each tracklet by the mean of the descriptors of its frames and of their mirror images; takes twice as
    long."""

    camera_norm: bool = False
    """With --weights: describe the tracklets of each camera with statistics of that camera, of batch norms and
    descriptors, measured on its gallery and training tracklets, without labels. Results name it: protocols differ in
    whether they allow it."""

    height: int | None = bounded(None, at_least=32)
    """Height of the network's input, pixels. Default: as in the training of --weights."""

    width: int | None = bounded(None, at_least=32)
    """Width of the network's input, pixels. Default: as in the training of --weights."""

    cache_gib: float = bounded(0.0, at_least=0)
    """Memory for decoded frames, GiB, if all of them fit; 0 = no frame is kept. One network for all splits reads each
    frame once."""

    device: str = "auto"
    """Device of the network: auto (a CUDA GPU if there is one, else the CPU), cpu, cuda, cuda:1 or 1, mps."""

    seed: int = bounded(0, at_least=0)
    """Seed of the random splits, if --split-seed is not given."""

    def __post_init__(self) -> None:
        self.check_protocol()
        check_ranges(self)
        check_device(self.device)
        numbers = split_numbers(self.splits or "all", 9)
        require(all(0 <= number <= 9 for number in numbers), f"--splits {self.splits}: splits are 0 to 9")
        require(
            self.page is None or not (self.rerank or self.score_norm),
            "--page shows Euclidean distances: leave --rerank and --score-norm out",
        )
        require(self.page is None or self.clothes == "general", "--page shows all gallery items: leave --clothes out")
        require(self.split is None or self.splits is None, "--split names one split, --splits several: leave one out")


def split_numbers(text: str, last: int) -> tuple[int, ...]:
    """The numbers that --splits names, ascending: 0 to `last` for "all", a range "0-4", or a list "0,3".

    Raises ValueError, one line, for any other text.

    >>> split_numbers("0-2,5", 9)
    (0, 1, 2, 5)
    """
    if text == "all":
        return tuple(range(last + 1))
    found: set[int] = set()
    for part in text.split(","):
        ends = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        require(ends is not None, f"--splits {text}: must be all, a range such as 0-9, or a list such as 0,3")
        assert ends is not None
        found |= set(range(int(ends[1]), int(ends[2] or ends[1]) + 1))
    return tuple(sorted(found))
