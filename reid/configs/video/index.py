"""Options of reid index."""

from dataclasses import dataclass
from pathlib import Path

from alignnet_common.options import bounded, check_ranges, option
from reid.configs.groups.checks import check_device, require


@dataclass(frozen=True)
class IndexConfig:
    """Describe tracklets and keep them in an index, in which reid search finds persons.

    The index is brought up to date: tracklets that are new or changed are described, and those that are gone from their
    folder are removed. Folders that an earlier call has named and this one does not stay in the index.
    """

    tracks: list[Path] = option(default_factory=list, first_word=True)
    """Folders of tracklets: camera/track/frames, such as the --out of reid tracks."""

    index: Path = Path("index")
    """Folder of the index."""

    weights: str = "small"
    """Network that describes: name of a shipped network, run folder, or model file. An index has one network."""

    camera_norm: bool = False
    """Describe each camera with statistics of its own, of batch norms and descriptors, measured on its crops when the
    camera is first indexed. An index has it for all of its cameras, or for none."""

    remove: list[Path] = option(default_factory=list)
    """Folders of tracklets, named by earlier calls, that are taken out of the index."""

    forget: list[str] = option(default_factory=list)
    """Tracklets, CAMERA/TRACK, that are taken out of the index, with descriptor and picture, for good: they are not
    added again."""

    frames: int = bounded(16, at_least=1, rare=True)
    """Frames of a tracklet that are described, evenly spread; fewer where it is shorter."""

    batch_size: int | None = bounded(None, at_least=1, rare=True)
    """Images that the network takes at a time. Default: by the free memory."""

    workers: int | None = bounded(None, at_least=0, rare=True)
    """Threads that decode images beside the network; 0: none. Default: one per core, at most 8."""

    device: str = "auto"
    """Device of the network: auto (a CUDA GPU if there is one, else the CPU), cpu, cuda, cuda:1 or 1, mps."""

    address: str | None = option(None, rare=True)
    """Address of a running Ray cluster, such as "auto" or "10.0.0.1:6379", whose cores describe, one process of one
    thread each; default: this process. Needs the extra [cluster]. All machines of the cluster need the folders of
    tracklets, --index and this checkout under the same paths."""

    def __post_init__(self) -> None:
        check_ranges(self)
        check_device(self.device)
        asked = self.tracks or self.remove or self.forget
        require(bool(asked), "name folders of tracklets: reid index TRACKS… (or --remove, --forget)")
        wrong = next((name for name in self.forget if name.count("/") != 1), None)
        require(wrong is None, f"--forget {wrong}: name a tracklet as CAMERA/TRACK")
