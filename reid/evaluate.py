"""Rank queries against a gallery: anybody's features, or a data set described by a checkpoint.

    python -m reid.evaluate --features F.npz --protocol official --rerank --json OUT.json
    python -m reid.evaluate --dataset prid --root FOLDER --checkpoint runs/finetune-prid --split 0 --json OUT.json
    python -m reid.evaluate --dataset prid --root FOLDER --checkpoint RUNS --splits all --out FOLDER

With --features, torch is neither needed nor imported.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from alignnet_common.cli import run_command
from alignnet_common.errors import UserError
from alignnet_common.files import BROKEN_ARRAYS, sha256_of_file, write_atomically, write_json
from alignnet_common.run_record import now, run_record
from reid.configs.checks import require
from reid.configs.data import ProtocolConfig
from reid.data import ONE_DIVISION
from reid.data.fingerprint import data_record, remarks
from reid.data.tracklets.types import ReidData, split_number
from reid.evaluation.retrieval import deviation_block, mean_block, ranking_block, table
from reid.metrics.chance import chance_ranking
from reid.metrics.protocols import RULES, Protocol
from reid.metrics.ranking import rank_features
from reid.metrics.score_normalisation import ScoreNorm
from reid.reporting.paper_tables import page

PROG = "python -m reid.evaluate"
RERANKING: dict[str, float] = {"k1": 20, "k2": 6, "lambda": 0.3}
"""Of Zhong et al. 2017: the defaults of `reid.metrics.reranking`."""


@dataclass(frozen=True)
class EvaluateConfig(ProtocolConfig):
    """Rank queries against a gallery: from a file of features (--features), or a data set and a --checkpoint."""

    features: Path | None = None
    """.npz with query_features (Q,D), query_pids (Q,), query_cams (Q,), the same three for the gallery, and, if queries
    stand in the gallery too, query_index (Q,): the gallery row that each is, from 0."""

    protocol: Protocol = "step"
    """step: the gallery as given; torchreid: without the queries; official: all queries counted, trapezoidal AP."""

    score_norm: ScoreNorm | None = None
    """Distances less the mean and over the deviation of their row, their column, or both (symmetric, as the
    paper). Default: as they are."""

    rerank: bool = False
    """Re-rank by k-reciprocal neighbours (k1 = 20, k2 = 6, lambda = 0.3) before --score-norm."""

    checkpoint: Path | None = None
    """Run folder, or its model.pt; or a folder with one run a split: split-0, split-1, …"""

    out: Path | None = None
    """With --checkpoint: folder for result.json, table.md (the paper's Table 2 beside), cmc.svg and the descriptors."""

    json: Path | None = None
    """File that the result is written to; with --checkpoint, descriptors are kept in the folder features beside it.
    Default: printed only."""

    chunk: int | None = None
    """Frames in a chunk. Default: as the checkpoint was trained."""

    height: int | None = None
    """Height of the network's input, pixels. Default: as the checkpoint was trained."""

    width: int | None = None
    """Width of the network's input, pixels. Default: as the checkpoint was trained."""

    cache_gib: float = 0.0
    """Decoded frames are kept if they fit this many GiB; 0 = memory does not grow with the data. With one network for
    all splits every frame is needed once.
    """

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
        require(self.cache_gib >= 0, f"--cache-gib must not be negative, not {self.cache_gib}")
        require(self.seed >= 0, f"--seed must not be negative, not {self.seed}")


def evaluate(config: EvaluateConfig) -> None:
    """Rank, print a table, and write the result where `--json` says."""
    if (config.features is None) == (config.checkpoint is None):
        raise UserError("give either --features FILE.npz, or --checkpoint RUN with --dataset and --root")
    if config.json is not None and config.json.is_dir():
        raise UserError(f"--json {config.json} is a folder; name a file")
    if config.out is not None and (config.features is not None or (config.out.exists() and not config.out.is_dir())):
        raise UserError(
            f"--out {config.out}: a folder, for what a --checkpoint finds; write features' numbers with --json"
        )
    started, clock = now(), time.perf_counter()
    if config.features:
        result = evaluate_features(config.features, config.protocol, config.score_norm, config.rerank)
    else:
        result = evaluate_checkpoint(config)
    shown = {"chance": result["chance"], "result": result}
    if result.get("std"):
        shown |= {f"split {each['split']}": each for each in result["per_split"]}
        shown |= {"mean": shown.pop("result"), "± std": result["std"]}
    print(table(shown))
    print(f"{result['valid_queries']} of {result['queries']} queries have a positive; protocol: {result['protocol']}")
    device = result.get("device", "cpu (numpy)")
    record = result | run_record(PROG, config, device, started, time.perf_counter() - clock)
    if config.json is not None:
        write_json(config.json, record)
    if config.out is not None:
        write_page(config.out, record)


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
        **ranking_block(ranking),
        "chance": ranking_block(chance),
        **counting_record(protocol, score_norm, rerank),
        "features": _file_record(path),
    }


def counting_record(protocol: Protocol, score_norm: ScoreNorm | None, rerank: bool) -> dict[str, Any]:
    """How the queries were counted, and what was done to the distances before."""
    return {
        "protocol": protocol,
        "rules": RULES[protocol],
        "post_processing": {"rerank": RERANKING if rerank else None, "score_norm": score_norm},
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
    except (*BROKEN_ARRAYS, TypeError, AttributeError) as broken:
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
    """CMC, mAP and mINP of a data set that a checkpoint (or one a split) describes: each split, and their mean.

    Raises UserError on the faults of either.
    """
    # Here, so that ranking features needs no torch.
    from reid.data import load_splits
    from reid.evaluation.evaluator import MeasureOptions, checkpoints_of, leak_notes, measure_splits
    from reid.runtime.device import device_name, pick_device

    assert config.checkpoint is not None
    device = pick_device(config.device)
    chosen = chosen_splits(load_splits(config, config.seed), config)
    checkpoints = checkpoints_of(config.checkpoint, tuple(chosen))
    data = next(iter(chosen.values()))
    for line in remarks(data):
        print(line)
    with features_folder(config) as features:
        options = MeasureOptions(
            device=device,
            features=features,
            chunk=config.chunk,
            height=config.height,
            width=config.width,
            cache_gib=config.cache_gib,
            protocol=config.protocol,
            score_norm=config.score_norm,
            rerank=config.rerank,
        )
        measured = measure_splits(chosen, checkpoints, options)
    notes = leak_notes(measured)
    for note in notes:
        print(f"note: {note}")
    blocks = [each.block for each in measured]
    first = measured[0]
    record = data_record(data, first.fingerprint)
    sources = [each.data.split for each in measured]
    record["split"] = sources[0] if len(sources) == 1 else f"{len(sources)} splits: {sources[0]} to {sources[-1]}"
    return {
        **mean_block(blocks),
        "std": deviation_block(blocks),
        "chance": mean_block([each.chance for each in measured]),
        "per_split": [each.record() for each in measured],
        **counting_record(config.protocol, config.score_norm, config.rerank),
        "seeds": {"splits": config.seed if config.split_seed is None else config.split_seed},
        "data": record | {"notes": [*data.notes, *notes]},
        "checkpoint": first.checkpoint,
        "images": first.images,
        "device": device_name(device),
    }


def chosen_splits(splits: tuple[ReidData, ...], config: EvaluateConfig) -> dict[int, ReidData]:
    """The splits that are measured, by number: --split, or all where --splits is all or random, or the first.

    Raises UserError where there is no split of that number.
    """
    if config.dataset in ONE_DIVISION:
        return {0: splits[0]}
    if config.split is None and config.splits in ("all", "random"):
        return dict(enumerate(splits))
    return {config.split_or_first: split_number(splits, config.split_or_first)}


@contextmanager
def features_folder(config: EvaluateConfig) -> Iterator[Path]:
    """Where descriptors are kept: `features` beside the result; without a result, a folder for the while."""
    beside = config.out or (config.json.parent if config.json else None)
    if beside is not None:
        yield beside / "features"
    else:
        with tempfile.TemporaryDirectory(prefix="reid-") as folder:
            yield Path(folder)


def write_page(folder: Path, result: dict[str, Any]) -> None:
    """result.json, table.md and cmc.svg."""
    from reid.reporting.charts import cmc_of_splits  # here: matplotlib takes half a second

    curves = [each["cmc"] for each in result["per_split"]]
    chart = cmc_of_splits(result["cmc"], curves, result["chance"]["cmc"], result["data"]["name"])
    write_json(folder / "result.json", result)
    write_atomically(folder / "table.md", page(result).encode())
    write_atomically(folder / "cmc.svg", chart.encode())
    print(f"{folder / 'result.json'}, table.md and cmc.svg are written")


def _file_record(path: Path) -> dict[str, str]:
    return {"file": str(path), "sha256": sha256_of_file(path)}


if __name__ == "__main__":
    run_command(evaluate, EvaluateConfig, PROG)
