"""Options of reid link."""

from dataclasses import dataclass
from pathlib import Path

from alignnet_common.options import bounded, check_ranges
from reid.configs.groups.checks import require


@dataclass(frozen=True)
class LinkConfig:
    """Join the tracklets of an index to persons, within and across cameras, without a query."""

    index: Path = Path("index")
    """Folder of the index (reid index)."""

    out: Path | None = None
    """File for the persons: CSV with the columns camera,track,person; person is empty where it is unknown."""

    mot: Path | None = None
    """Folder for MOTChallenge text files, CAMERA.txt, with the persons as ids: boxes are those of reid tracks. Unknown
    persons are left out."""

    eps: float = bounded(0.4, at_least=0, at_most=1)
    """Largest Jaccard distance of neighbours in a cluster (DBSCAN). Smaller: fewer and surer links."""

    no_overlap: bool = False
    """The clocks of the cameras agree and their views do not overlap: tracklets of two cameras at the same time are
    different persons too."""

    k1: int = bounded(8, at_least=2, rare=True)
    """Neighbours of which the k-reciprocal sets are made: about twice the tracklets of a person."""

    k2: int = bounded(3, at_least=1, rare=True)
    """Neighbours over which the sets are averaged."""

    parquet: Path | None = None
    """File for the persons as a Parquet table: camera, track, person, start, end and source. Needs the extra
    [parquet]."""

    def __post_init__(self) -> None:
        check_ranges(self)
        require(0 < self.eps < 1, f"--eps must lie between 0 and 1, not {self.eps}")
        given = any(path is not None for path in (self.out, self.parquet, self.mot))
        require(given, "--out or --mot is needed: where the persons are written (or --parquet)")
