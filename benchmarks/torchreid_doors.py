"""torchreid (KaiyangZhou/deep-person-reid) beside this project: its loader, its engine and its `evaluate_rank`.

    PYTHONPATH=.:CLONE python -m benchmarks.torchreid_doors --data sample --json runs/torchreid.json

1. `reid data --torchreid` lays out a rendered set. torchreid's own PRID2011 loader must find the tracklets of each half
   of `reid`; its engine trains a ResNet-18 on them and tests it, and `reid.metrics` must rank its distances alike.
2. Rankings of random and of structured features by `evaluate_rank`, in Python and, if its extension is built, Cython,
   and by this project, with labels like those of PRID2011, Market-1501 and MARS.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from unittest.mock import patch

import numpy as np

from alignnet_common.arrays import AnyInts, Floats
from alignnet_common.cli import as_plain, run_command
from alignnet_common.errors import UserError
from alignnet_common.files import write_json
from alignnet_common.options import bounded, check_ranges
from reid.configs.groups.data import ProtocolConfig
from reid.data import load_splits
from reid.data.torchreid_layout import write_torchreid_layout
from reid.data.tracklets.types import ReidData, Tracklet
from reid.metrics import Ranking, evaluate_protocol
from reid.metrics.distances import euclidean_distances

FEATURES = 64
"""Dimension of the synthetic features."""

Figures = dict[str, float]


class Peer(Protocol):
    """torchreid's `evaluate_rank`: CMC (K,) and mAP of distances (Q, G) and labels."""

    def __call__(self, *arrays: np.ndarray, max_rank: int = ..., use_cython: bool = ...) -> tuple[np.ndarray, float]:
        """See the class."""


@dataclass(frozen=True)
class DoorsConfig:
    """Train, test and rank with torchreid, and compare with this project."""

    data: Path = Path("sample")
    """Rendered set; "sample" = the set that is installed with the package."""

    split: int = bounded(0, at_least=0, at_most=9)
    """Number of the split."""

    epochs: int = bounded(1, at_least=1)
    """Epochs that torchreid trains for."""

    json: Path | None = None
    """File for the result. Default: only printed."""

    def __post_init__(self) -> None:
        check_ranges(self)


def compare(config: DoorsConfig) -> None:
    """Run both parts, print the differences, and write --json. Raises UserError where torchreid is not importable."""
    peer = torchreid_module()
    splits = load_splits(ProtocolConfig(dataset="synthetic", root=config.data), seed=0)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_torchreid_layout(splits, root)
        trained = train_and_test(peer, root, splits[config.split], config)
    built = peer.metrics.rank.IS_CYTHON_AVAI
    rankings = {name: difference(peer.metrics.evaluate_rank, case, built) for name, case in cases().items()}
    print(f"its loader: {trained['tracklets']} as in reid")
    print(f"its engine: rank-1 {trained['rank1']:.3f}, mAP {trained['mAP']:.3f}; {in_words(trained['difference'])}")
    print("".join(f"{name}: {in_words(found)}\n" for name, found in rankings.items()), end="")
    result = {"config": as_plain(config), "torchreid": peer.__version__, "trained": trained, "rankings": rankings}
    if config.json is not None:
        write_json(config.json, result)


def torchreid_module() -> Any:
    """The package torchreid. Raises UserError where it, or something that it needs, is not installed."""
    try:
        import torchreid
    except ImportError as missing:
        raise UserError(
            f"torchreid cannot be imported ({missing}): put a clone of KaiyangZhou/deep-person-reid on PYTHONPATH, and "
            "install its requirements"
        ) from missing
    return torchreid


def train_and_test(peer: Any, root: Path, data: ReidData, config: DoorsConfig) -> dict[str, Any]:
    """Train a ResNet-18 by torchreid's engine for video on its PRID2011 data set in `root`, and test it.

    Raises AssertionError where its tracklets are not those of `data`.
    """
    sizes = {"height": 128, "width": 64, "batch_size_train": 4, "seq_len": 4}
    manager = peer.data.VideoDataManager(
        root=str(root), sources="prid2011", split_id=config.split, use_gpu=False, workers=0, **sizes
    )
    test = manager.test_dataset["prid2011"]
    halves = {"train": manager.train_loader.dataset.train, "query": test["query"], "gallery": test["gallery"]}
    for half, theirs in halves.items():
        assert frames_of_theirs(theirs) == frames_of_ours(getattr(data, half)), f"other tracklets: {half}"
    peer.utils.set_random_seed(0)
    model = peer.models.build_model("resnet18", num_classes=manager.num_train_pids, pretrained=False, use_gpu=False)
    optimizer = peer.optim.build_optimizer(model, optim="adam", lr=3e-4)
    scheduler = peer.optim.build_lr_scheduler(optimizer, stepsize=20)  # its engine cannot save a model without one
    engine = peer.engine.VideoSoftmaxEngine(manager, model, optimizer, scheduler, use_gpu=False)
    ranks = [rank for rank in (1, 5, 10, 20) if rank <= len(data.gallery)]  # of more, its engine raises an IndexError
    with recorded(peer.metrics) as calls:
        engine.run(save_dir=str(root / "log"), max_epoch=config.epochs, print_freq=1, ranks=ranks)
    (distances, query_pids, gallery_pids, query_cams, gallery_cams), (cmc, mean) = calls[-1]
    # Its loader counts persons from 0, which is a distractor here.
    ours = evaluate_protocol(distances, query_pids + 1, gallery_pids + 1, query_cams, gallery_cams, max_rank=len(cmc))
    return {
        "tracklets": {half: len(theirs) for half, theirs in halves.items()},
        "rank1": float(cmc[0]),
        "mAP": float(mean),
        "difference": differences((cmc, mean), ours),
    }


@contextmanager
def recorded(metrics: Any) -> Iterator[list[tuple[Any, tuple[np.ndarray, float]]]]:
    """A list of the arguments and results of every call of torchreid's `evaluate_rank` inside the block."""
    calls, evaluate_rank = [], metrics.evaluate_rank

    def recording(*arrays: np.ndarray, **options: Any) -> tuple[np.ndarray, float]:
        calls.append((arrays, evaluate_rank(*arrays, **options)))
        return calls[-1][1]

    with patch.object(metrics, "evaluate_rank", recording):
        yield calls


def frames_of_theirs(tracklets: list[tuple[Any, ...]]) -> set[tuple[int, frozenset[str]]]:
    """Camera and files of each tracklet of torchreid: (files, person, camera, …)."""
    return {(camera, frozenset(str(Path(file).resolve()) for file in files)) for files, _, camera, *_ in tracklets}


def frames_of_ours(tracklets: tuple[Tracklet, ...]) -> set[tuple[int, frozenset[str]]]:
    """Camera and files of each tracklet."""
    return {(each.camera, frozenset(str(file.resolve()) for file in each.frames)) for each in tracklets}


@dataclass(frozen=True)
class Case:
    """Features and labels to rank."""

    features: Floats
    """(N, D), of the gallery."""
    pids: AnyInts
    cams: AnyInts
    queries: AnyInts
    """Rows that are queries."""
    queries_in_gallery: bool = False
    """As in MARS: the gallery holds the queries, which the protocol `torchreid` takes out."""

    def __post_init__(self) -> None:
        assert len(self.features) == len(self.pids) == len(self.cams)


def cases() -> dict[str, Case]:
    """Random and structured features with labels like those of PRID2011, Market-1501 and MARS."""
    rng = np.random.default_rng(0)
    persons = np.arange(1, 90)
    prid = np.tile(persons, 2), np.repeat([0, 1], 89), np.arange(89)
    # A fifth of Market's gallery are distractors. Some queries have no positive by another camera.
    market = rng.integers(1, 81, 1500), rng.integers(0, 6, 1500), np.arange(200)
    market[0][rng.permutation(np.arange(200, 1500))[:300]] = 0
    mars = rng.integers(0, 60, 900), rng.integers(1, 7, 900)
    some = np.flatnonzero(mars[0] > 0)[:150]
    labels = {"PRID2011": (*prid, False), "Market-1501": (*market, False), "MARS": (*mars, some, True)}
    return {
        f"{name}, {kind} features": Case(
            features_of(rng, pids, cams, kind == "structured"), pids, cams, queries, in_gallery
        )
        for name, (pids, cams, queries, in_gallery) in labels.items()
        for kind in ("random", "structured")
    }


def features_of(rng: np.random.Generator, pids: AnyInts, cams: AnyInts, structured: bool) -> Floats:
    """Features (N, D): identity + camera + noise, or noise alone. Distractors have no identity in common."""
    noise = rng.normal(size=(len(pids), FEATURES))
    if not structured:
        return noise
    identities = rng.normal(size=(pids.max() + 1, FEATURES))[pids]
    alone = rng.normal(size=noise.shape)
    people = np.where(pids[:, None] > 0, identities, alone)
    return people + 0.5 * rng.normal(size=(cams.max() + 1, FEATURES))[cams] + 1.35 * noise


def difference(evaluate_rank: Peer, case: Case, built: bool = False) -> Figures:
    """Largest differences between torchreid's figures and this project's, of the same distances.

    Each distance is replaced by its place in its row: some float32 distances are equal, which torchreid's argsort puts
    in any order. built -- whether torchreid's Cython extension is, which computes in float32.
    """
    queries, others = case.queries, np.setdiff1d(np.arange(len(case.pids)), case.queries)
    everything = np.arange(len(case.pids))
    ranked = everything if case.queries_in_gallery else others
    distances = euclidean_distances(case.features[queries], case.features[ranked])
    whole = distances.argsort(axis=1, kind="stable").argsort(axis=1).astype(np.float32)
    ours = evaluate_protocol(
        whole,
        case.pids[queries],
        case.pids[ranked],
        case.cams[queries],
        case.cams[ranked],
        "torchreid" if case.queries_in_gallery else "step",
        queries if case.queries_in_gallery else None,
    )
    theirs = whole[:, others] if case.queries_in_gallery else whole
    arrays = theirs, case.pids[queries], case.pids[others], case.cams[queries], case.cams[others]
    found = differences(evaluate_rank(*arrays, max_rank=50, use_cython=False), ours)
    cython = differences(evaluate_rank(*arrays, max_rank=50, use_cython=True), ours) if built else {}
    return found | {f"{name} in Cython": value for name, value in cython.items()} | {"our mAP": ours.mAP}


def differences(theirs: tuple[np.ndarray, float], ours: Ranking) -> Figures:
    """Largest difference of the CMC, in float32 as theirs is, and the difference of the mAP."""
    cmc = np.abs(np.asarray(theirs[0], np.float32) - ours.cmc.astype(np.float32)).max()
    return {"CMC": float(cmc), "mAP": abs(float(theirs[1]) - ours.mAP)}


def in_words(found: Figures) -> str:
    """The differences on one line."""
    return "differences " + ", ".join(f"{name} {value:.1e}" for name, value in found.items() if name != "our mAP")


if __name__ == "__main__":
    run_command(compare, DoorsConfig, "python -m benchmarks.torchreid_doors")
