"""Rank queries against a gallery: anybody's features, or a data set described by a checkpoint.

    python -m reid.evaluate --features F.npz --protocol official --rerank --json OUT.json
    python -m reid.evaluate --dataset prid --root FOLDER --checkpoint runs/finetune-prid --split 0 --json OUT.json

With --features, torch is neither needed nor imported.
"""

import time
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kit.command import UserError, run
from kit.files import sha256_of_file, write_json
from reid.config import ProtocolConfig, require
from reid.data.tracklet import ReidData
from reid.metrics import Protocol, Ranking, chance_ranking, rank_features
from reid.results import CMC_LENGTH, SHOWN_RANKS, chance_of, data_record, now, run_record, table
from reid.score_normalisation import ScoreNorm

PROG = "python -m reid.evaluate"
COMMON_RULES = (
    "a gallery item with the query's pid and camera is ignored, so is pid -1 (junk), pid 0 matches nobody; "
    "Euclidean distance; equal distances in gallery order"
)
RULES: dict[Protocol, str] = {
    "step": f"the gallery as given; queries without a positive skipped; step AP; {COMMON_RULES}",
    "torchreid": f"queries taken out of the gallery; queries without a positive skipped; step AP; {COMMON_RULES}",
    "official": f"the gallery as given; all queries counted; trapezoidal AP; {COMMON_RULES}",
}
RERANKING: dict[str, float] = {"k1": 20, "k2": 6, "lambda": 0.3}
"""Of Zhong et al. 2017: the defaults of `reid.reranking`."""


@dataclass(frozen=True)
class EvaluateConfig(ProtocolConfig):
    """Rank queries against a gallery: from a file of features (--features), or a data set and a --checkpoint."""

    features: Path | None = None
    """.npz with query_features (Q,D), query_pids (Q,), query_cams (Q,), the same three for the gallery, and, if queries
    stand in the gallery too, query_index (Q,): the gallery row that each is, from 0."""

    protocol: Protocol = "step"
    """With --features. step: the gallery as given; torchreid: without the queries; official: all queries counted,
    trapezoidal AP."""

    score_norm: ScoreNorm | None = None
    """With --features: distances less the mean and over the deviation of their row, their column, or both (symmetric).
    Default: as they are."""

    rerank: bool = False
    """With --features: re-rank by k-reciprocal neighbours (k1 = 20, k2 = 6, lambda = 0.3) before --score-norm."""

    checkpoint: Path | None = None
    """Run folder, or its model.pt."""

    json: Path | None = None
    """File that the result is written to. Default: printed only."""

    chunk: int | None = None
    """Frames in a chunk. Default: as the checkpoint was trained."""

    height: int | None = None
    """Height of the network's input, pixels. Default: as the checkpoint was trained."""

    width: int | None = None
    """Width of the network's input, pixels. Default: as the checkpoint was trained."""

    cache_gib: float = 8.0
    """Frames are decoded once and kept in memory if they fit this many GiB; otherwise read again each time."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the network runs; auto = a CUDA GPU where there is one."""

    seed: int = 0
    """Seed of the random halves, where --split-seed is not given."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        self.check_protocol()
        require(self.chunk is None or self.chunk >= 1, f"--chunk must be at least 1 frame, not {self.chunk}")
        for name in ("height", "width"):
            require((getattr(self, name) or 32) >= 32, f"--{name} must be at least 32 pixels")
        require(self.seed >= 0, f"--seed must not be negative, not {self.seed}")


def evaluate(config: EvaluateConfig) -> None:
    """Rank, print a table, and write the result where `--json` says."""
    if (config.features is None) == (config.checkpoint is None):
        raise UserError("give either --features FILE.npz, or --checkpoint RUN with --dataset and --root")
    if config.features is None and (config.rerank or config.score_norm is not None):
        raise UserError("--rerank and --score-norm go with --features FILE.npz, not with --checkpoint")
    if config.json is not None and config.json.is_dir():
        raise UserError(f"--json {config.json} is a folder; name a file")
    started, clock = now(), time.perf_counter()
    if config.features:
        result = evaluate_features(config.features, config.protocol, config.score_norm, config.rerank)
    else:
        result = evaluate_checkpoint(config)
    print(table({"chance": result["chance"], "result": result}))
    print(f"{result['valid_queries']} of {result['queries']} queries have a positive; protocol: {result['protocol']}")
    if config.json is not None:
        device = result.get("device", "cpu (numpy)")
        write_json(config.json, result | run_record(PROG, config, device, started, time.perf_counter() - clock))


def evaluate_features(
    path: Path, protocol: Protocol = "step", score_norm: ScoreNorm | None = None, rerank: bool = False
) -> dict[str, Any]:
    """CMC, mAP and mINP of a file of features by a protocol. Raises UserError where the file does not serve."""
    arrays = read_features(path)
    features = (arrays["query_features"], arrays["gallery_features"])
    people = (arrays["query_pids"], arrays["gallery_pids"], arrays["query_cams"], arrays["gallery_cams"])
    rows = arrays.get("query_index")
    try:
        ranking = rank_features(
            *features, *people, protocol=protocol, query_index=rows, score_norm=score_norm, rerank=rerank
        )
        chance = chance_ranking(*people, protocol=protocol, query_index=rows)
    except ValueError as misfit:
        raise UserError(f"{path}: {misfit}") from misfit
    return {
        **exact_block(ranking),
        "chance": exact_block(chance),
        "protocol": protocol,
        "rules": RULES[protocol],
        "post_processing": {"rerank": RERANKING if rerank else None, "score_norm": score_norm},
        "features": _file_record(path),
    }


def exact_block(ranking: Ranking) -> dict[str, Any]:
    """A ranking as plain numbers: shares in percent, not rounded, and counts of queries."""
    percent = [100 * float(share) for share in ranking.cmc[:CMC_LENGTH]]
    return {
        **{f"rank{rank}": percent[rank - 1] for rank in SHOWN_RANKS},
        "mAP": 100 * ranking.mAP,
        "mINP": 100 * ranking.mINP,
        "cmc": percent,
        "queries": ranking.queries,
        "valid_queries": ranking.valid_queries,
        "queries_without_positive": ranking.queries - ranking.valid_queries,
    }


def read_features(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file of features, of shapes that fit and in numbers, with whole pids, cameras and query_index.

    `query_index` may be missing. Raises UserError where the file is missing, no .npz, or lacks another array, or one
    does not fit.
    """
    if not path.is_file():
        raise UserError(f"no such file of features: {path}")
    arrays: dict[str, np.ndarray] = {}
    try:
        with np.load(path, allow_pickle=False) as archive:
            for name in ("features", "pids", "cams"):
                arrays |= {f"{side}_{name}": archive[f"{side}_{name}"] for side in ("query", "gallery")}
            if "query_index" in archive:
                arrays["query_index"] = archive["query_index"]
    except KeyError as missing:
        raise UserError(f"{path}: {str(missing.args[0]).split(' is not')[0]} is missing") from missing
    except (OSError, ValueError, EOFError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error) as broken:
        raise UserError(f"{path}: not an .npz of plain arrays (numpy.savez)") from broken
    for side in ("query", "gallery"):
        features = arrays[f"{side}_features"]
        if features.ndim != 2 or not np.issubdtype(features.dtype, np.number) or np.iscomplexobj(features):
            raise UserError(f"{path}: {side}_features must be numbers (rows, size), not {_kind(features)}")
    for name, values in arrays.items():
        if not name.endswith("_features"):
            length = len(arrays["gallery_features" if name.startswith("gallery") else "query_features"])
            arrays[name] = _whole_numbers(values, length, f"{path}: {name}")
    return arrays


def _whole_numbers(values: np.ndarray, length: int, where: str) -> np.ndarray:
    if values.shape != (length,) or not np.issubdtype(values.dtype, np.number) or np.iscomplexobj(values):
        raise UserError(f"{where} must be {length} whole numbers, one a row of features, not {_kind(values)}")
    with np.errstate(invalid="ignore"):  # a number beyond int64 is found by comparing
        whole = values.astype(np.int64) if np.isfinite(values).all() else None
    if whole is None or not (whole == values).all():
        raise UserError(f"{where} must be whole numbers")
    return whole


def _kind(values: np.ndarray) -> str:
    return f"{values.dtype} {values.shape}"


def evaluate_checkpoint(config: EvaluateConfig) -> dict[str, Any]:
    """CMC and mAP of a data set whose tracklets a checkpoint describes. Raises UserError on either's faults."""
    # Here, so that ranking features needs no torch.
    from reid.data import load_data
    from reid.data.dataset import FrameStore
    from reid.features import describe_and_rank
    from reid.models.checkpoint import load_model
    from reid.training import device_name, pick_device

    assert config.checkpoint is not None
    path = config.checkpoint / "model.pt" if config.checkpoint.is_dir() else config.checkpoint
    device = pick_device(config.device)
    data = load_data(config, config.seed)
    chance = chance_of(data)
    model, metadata = load_model(path)
    images = metadata.get("images", {})
    height, width = config.height or images.get("height", 128), config.width or images.get("width", 64)
    chunk = config.chunk or images.get("chunk", 15)
    record = data_record(data)
    notes = data.notes + trained_on_note(metadata.get("trained_on", {}), data, record["fingerprint"])
    for note in notes:
        print(f"note: {note}")
    paths = (frame for tracklet in (*data.query, *data.gallery) for frame in tracklet.frames)
    store = FrameStore(paths, height, width, config.cache_gib)
    block = describe_and_rank(model.to(device), data, store, chunk, device)
    return {
        **block,
        "chance": chance,
        "protocol": data.protocol,
        "data": record | {"notes": list(notes)},
        "checkpoint": _file_record(path) | {"network": metadata["model_config"]},
        "images": {"height": height, "width": width, "chunk": chunk},
        "device": device_name(device),
    }


def trained_on_note(trained: dict[str, Any], data: ReidData, fingerprint: str) -> tuple[str, ...]:
    """A warning where the checkpoint was trained on people who are tested here."""
    if trained.get("fingerprint") != fingerprint:
        return ()
    tested = {tracklet.pid for tracklet in data.query}
    known = tested & set(trained["pids"])
    if not known:
        return ()
    return (f"the checkpoint was trained on {len(known)} of the {len(tested)} persons tested: no fair number",)


def _file_record(path: Path) -> dict[str, str]:
    return {"file": str(path), "sha256": sha256_of_file(path)}


if __name__ == "__main__":
    run(evaluate, EvaluateConfig, PROG)
