"""Options of reid repair."""

from dataclasses import dataclass
from pathlib import Path

from alignnet_common.options import bounded, check_ranges, option
from reid.configs.groups.checks import check_device, require


@dataclass(frozen=True)
class RepairConfig:
    """Split tracks that change from one person to another, and join tracks of one camera that are parts of one, by the
    descriptors of their crops. The repaired tracks are another folder of links to the same crops."""

    tracks: Path | None = option(None, first_word=True)
    """Folder of reid tracks, which stays as it is."""

    out: Path = Path("repaired")
    """Folder for the repaired tracks, tracks.csv and tracks-report.json."""

    weights: str = "small"
    """Network that describes: name of a shipped network, run folder, or model file."""

    false_splits: float = bounded(0.05, at_least=0, at_most=0.5)
    """Expected share of tracks of one person that are split all the same; 0: none is split."""

    false_joins: float = bounded(0.02, at_least=0, at_most=0.5)
    """Share of pairs of different persons that are alike enough to be joined, where time and motion allow; 0: none is
    joined."""

    gap: float = bounded(3.0, at_least=0)
    """Seconds between the end of a track and the start of the one that it is joined with, at most."""

    speed: float = bounded(2.0, at_least=0)
    """Heights of the person that it moves in a second of the gap, at most."""

    rate: float = bounded(5.0, at_least=0.1, rare=True)
    """Crops of a track that are described in a second, at most; a split falls between two of them."""

    window: int = bounded(8, at_least=1, rare=True)
    """Described crops on each side of a place that are compared, at most."""

    guard: int = bounded(2, at_least=0, rare=True)
    """Described crops on each side of a place that are left out, at most: while two persons cross, the crops show
    both."""

    side: int = bounded(3, at_least=1, rare=True)
    """Described crops on each side of a place that are compared, at least."""

    batch_size: int | None = bounded(None, at_least=1, rare=True)
    """Images that the network takes at a time. Default: by the free memory."""

    workers: int | None = bounded(None, at_least=0, rare=True)
    """Threads that decode images beside the network; 0: none. Default: one per core, at most 8."""

    device: str = "auto"
    """Device of the network: auto (a CUDA GPU if there is one, else the CPU), cpu, cuda, cuda:1 or 1, mps."""

    def __post_init__(self) -> None:
        check_ranges(self)
        check_device(self.device)
        require(self.tracks is not None, "name the folder of tracks: reid repair TRACKS --out DIR")
        assert self.tracks is not None
        require(self.tracks.resolve() != self.out.resolve(), f"--out {self.out}: name another folder than the tracks")
