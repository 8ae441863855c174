"""Options of reid adapt."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from alignnet_common.options import bounded, check_ranges, option
from reid.configs.finetune import FinetuneConfig
from reid.configs.groups.checks import check_device, require
from reid.configs.groups.model import ModelConfig

EPS_CANDIDATES = (0.35, 0.4, 0.45, 0.5, 0.55, 0.6)
"""Values that --eps auto chooses from."""


@dataclass(frozen=True)
class AdaptConfig:
    """Adapt a trained network to one's own cameras, on tracklets without labels.

    Each round describes all tracklets, clusters the descriptors, and trains the network against the clusters.
    """

    root: str | None = option(None, first_word=True)
    """Tracklets without persons: folder of camera/track/frames, or CSV file with the columns path,camera,track and,
    where times are known, start,end in seconds; two tracklets of one camera whose times overlap are then never one
    person."""

    init: str = option("small", aliases=["--weights"])
    """Network that is adapted: name of a shipped network, run folder, or model file."""

    run: Path = option(Path("runs/adapted"), aliases=["--output-dir"])
    """Output folder of the run; other commands take it as --weights or --init."""

    resume: bool = False
    """Continue the run in --run."""

    seed: int = bounded(0, at_least=0, at_most=2**63 - 1)
    """Seed of all random numbers."""

    rendered: Path | None = None
    """Rendered set whose people are trained beside the tracklets, so that the network keeps what it knows of them.
    Default: none."""

    rendered_persons: int = bounded(4, at_least=2, rare=True)
    """Persons of --rendered in a batch, beside its clusters, with as many chunks each."""

    rounds: int = bounded(6, at_least=1)
    """Rounds of clustering and training."""

    steps: int = bounded(280, at_least=1)
    """Optimizer steps of a round."""

    eps: float | None = option(None)
    """Largest Jaccard distance of neighbours in a cluster (DBSCAN), 0 to 1. Default: chosen in each round, such that
    the clusters of the first halves of all tracklets agree best with those of the second halves."""

    min_samples: int = bounded(2, at_least=2, rare=True)
    """Tracklets within eps, itself included, that make a tracklet the core of a cluster."""

    k1: int = bounded(8, at_least=2, rare=True)
    """Neighbours of which the k-reciprocal sets are made: about twice the tracklets of a person."""

    k2: int = bounded(3, at_least=1, rare=True)
    """Neighbours over which the sets are averaged."""

    frames: int = bounded(16, at_least=2, rare=True)
    """Frames of a tracklet that are described, evenly spread; fewer where it is shorter."""

    clusters_per_batch: int = option(12, at_least=2, aliases=["--ids-per-batch"])
    """Clusters in a batch (P)."""

    chunks_per_cluster: int = option(4, at_least=1, aliases=["--chunks-per-id"])
    """Chunks of each cluster in a batch (K), from as many of its cameras as it has."""

    accumulate: int = bounded(1, at_least=1, rare=True)
    """Parts in which a batch is computed, one after another: less memory. Batch norms see one part at a time."""

    learning_rate: float = option(5e-4, at_least=0, aliases=["--lr"])
    """Learning rate of AdamW at its highest; it rises over the first steps, and falls to 0 along a cosine."""

    warmup_steps: int = bounded(30, at_least=0, rare=True)
    """Steps over which the learning rate rises."""

    weight_decay: float = bounded(5e-4, at_least=0, rare=True)
    """Weight decay of AdamW."""

    average: float = bounded(0.98, at_least=0, at_most=0.9999, rare=True)
    """Decay of the exponential moving average of the weights, by step. The averaged network describes the tracklets,
    and is the one that is kept. 0 = the weights of the last step."""

    temperature: float = option(0.07, rare=True)
    """Divisor of the cosines in both losses, above 0."""

    memory_momentum: float = bounded(0.2, at_least=0, at_most=1, rare=True)
    """Weight of the old value when a camera proxy moves towards a descriptor, 0..1."""

    negatives: int = bounded(50, at_least=1, rare=True)
    """Proxies of other clusters that the loss across cameras compares with: the nearest ones."""

    erase: float = option(0.5, at_least=0, at_most=1, rare=True, aliases=["--random-erasing"])
    """Probability of random erasing, 0..1."""

    flip: float = bounded(0.5, at_least=0, at_most=1, rare=True)
    """Probability of a horizontal flip of a chunk, 0..1."""

    shift: int = bounded(8, at_least=0, at_most=31, rare=True)
    """Largest random translation of a chunk, pixels each way."""

    colour: float = bounded(0.0, at_least=0, at_most=1, rare=True)
    """Random changes of brightness, contrast and saturation, at most this share."""

    chunk: int = bounded(1, at_least=1)
    """Frames in a chunk that is trained. 1 = single frames, which leave temporal attention as it is; more train it as
    well. Tracklets are described in chunks as in the training of --init."""

    height: int | None = bounded(None, at_least=32, rare=True)
    """Height of the network's input, pixels. Default: as in the training of --init."""

    width: int | None = bounded(None, at_least=32, rare=True)
    """Width of the network's input, pixels. Default: as in the training of --init."""

    checkpoint_every: int = bounded(40, at_least=1, rare=True)
    """Steps between checkpoints; each round begins and ends with one."""

    cache_gib: float = bounded(8.0, at_least=0, rare=True)
    """Decoded frames are kept in memory if they fit this many GiB, else decoded at each use."""

    cache: Path | None = option(None, rare=True)
    """Folder for decoded frames and pose maps in place of memory. Default: none."""

    workers: int | None = bounded(None, at_least=0, rare=True)
    """Loader processes of the training. Default: 0 on a CPU; on a GPU, one per core, at most 8."""

    precision: Literal["auto", "float32", "bfloat16"] = option("auto", rare=True)
    """Type of convolutions: auto = bfloat16 on a GPU that supports it, else float32."""

    device: str = "auto"
    """Device of the network: auto (a CUDA GPU if there is one, else the CPU), cpu, cuda, cuda:1 or 1, mps."""

    def __post_init__(self) -> None:
        check_ranges(self)
        check_device(self.device)
        require(
            self.root is not None, "name the tracklets: reid adapt ROOT, a folder camera/track/frames or a CSV file"
        )
        require(self.eps is None or 0 < self.eps < 1, f"--eps must lie between 0 and 1, not {self.eps}")
        require(self.temperature > 0, f"--temperature must be above 0, not {self.temperature}")
        require(
            self.clusters_per_batch * self.chunks_per_cluster // self.accumulate >= 2,
            f"--accumulate {self.accumulate}: a part would have fewer than two chunks",
        )

    @property
    def last_step(self) -> int:
        """Number of the last optimizer step."""
        return self.rounds * self.steps

    def as_kept(self) -> Self:
        """The options as a run keeps them: without --resume."""
        return replace(self, resume=False)

    def training(self, network: ModelConfig, sizes: dict[str, int]) -> FinetuneConfig:
        """The same as options of a training: the pose network and all behind the descriptor are frozen.

        sizes -- height and width of the input in pixels, as the network was trained.
        """
        given = {name: getattr(self, name) or sizes[name] for name in ("height", "width")}
        same = (
            "chunk",
            "seed",
            "device",
            "cache_gib",
            "cache",
            "workers",
            "precision",
            "erase",
            "flip",
            "shift",
            "colour",
        )
        options: dict[str, Any] = {name: getattr(self, name) for name in same} | vars(network.network) | given
        return FinetuneConfig(
            **options,
            dataset="folder",
            overlap=0,
            pose_maps="cached",
            ids_per_batch=self.clusters_per_batch,
            chunks_per_id=self.chunks_per_cluster,
            ranking_weight=0.0,
            optimizer="adamw",
            schedule="cosine",
            warmup_steps=self.warmup_steps,
            weight_decay=self.weight_decay,
            lr_appearance=self.learning_rate,
            lr_tap=self.learning_rate,
            lr_pose=0.0,
            lr_classifier=0.0,
            channels_last="yes",  # faster on a CPU as well with separable convolutions
        )
