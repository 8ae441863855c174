"""Rank queries against a gallery: anybody's features, or a data set described by a checkpoint.

    python -m reid.evaluate --features F.npz --json OUT.json
    python -m reid.evaluate --dataset prid --root FOLDER --checkpoint runs/finetune-prid --split 0 --json OUT.json
    python -m reid.evaluate --dataset prid --root FOLDER --checkpoint RUNS --splits all --out FOLDER

With --features, torch is neither needed nor imported.
"""

import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kit.command import UserError, run
from kit.files import sha256_of_file, write_atomically, write_json
from reid.config import ProtocolConfig, require
from reid.data import ONE_DIVISION
from reid.data.tracklet import ReidData, split_number
from reid.metrics import euclidean_distances, evaluate_ranking
from reid.paper_tables import page
from reid.results import (
    chance_block,
    data_record,
    deviation_block,
    mean_block,
    now,
    ranking_block,
    remarks,
    run_record,
    table,
)

PROG = "python -m reid.evaluate"
FEATURES_PROTOCOL = (
    "step: the gallery as given; a gallery item with the query's pid and camera is ignored, so is pid -1 (junk), "
    "pid 0 matches nobody; Euclidean distance; CMC, step mAP"
)


@dataclass(frozen=True)
class EvaluateConfig(ProtocolConfig):
    """Rank queries against a gallery: from a file of features (--features), or a data set and a --checkpoint."""

    features: Path | None = None
    """.npz with query_features (Q,D), query_pids (Q,), query_cams (Q,), and the same three for the gallery."""

    checkpoint: Path | None = None
    """Run folder, or its model.pt; or a folder with one run a split: split-0, split-1, …"""

    out: Path | None = None
    """With --checkpoint: folder for result.json, table.md (the paper's Table 2 beside), cmc.svg and the descriptors."""

    json: Path | None = None
    """File that the result is written to. Default: printed only."""

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
    result = evaluate_features(config.features) if config.features else evaluate_checkpoint(config)
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


def evaluate_features(path: Path) -> dict[str, Any]:
    """CMC and mAP of a file of features. Raises UserError where it is not one."""
    arrays = read_features(path)
    features = [arrays[f"{side}_features"] for side in ("query", "gallery")]
    people = (arrays["query_pids"], arrays["gallery_pids"], arrays["query_cams"], arrays["gallery_cams"])
    try:
        block = ranking_block(evaluate_ranking(euclidean_distances(*features), *people))
        chance = chance_block(*people)
    except ValueError as misfit:
        raise UserError(f"{path}: {misfit}") from misfit
    return {**block, "chance": chance, "protocol": FEATURES_PROTOCOL, "features": _file_record(path)}


def read_features(path: Path) -> dict[str, np.ndarray]:
    """The six arrays of a file of features, of shapes that fit, finite, with whole pids and cameras.

    Raises UserError where the file is missing, no .npz, or lacks an array, or one does not fit.
    """
    if not path.is_file():
        raise UserError(f"no such file of features: {path}")
    arrays = {}
    try:
        with np.load(path, allow_pickle=False) as archive:
            for side in ("query", "gallery"):
                for kind in ("features", "pids", "cams"):
                    arrays[f"{side}_{kind}"] = archive[f"{side}_{kind}"]
    except KeyError as missing:
        raise UserError(f"{path}: {str(missing.args[0]).split(' is not')[0]} is missing") from missing
    except (OSError, ValueError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as broken:
        raise UserError(f"{path}: not an .npz of plain arrays (numpy.savez)") from broken
    for side in ("query", "gallery"):
        features = arrays[f"{side}_features"]
        if features.ndim != 2 or not np.issubdtype(features.dtype, np.number) or np.iscomplexobj(features):
            raise UserError(f"{path}: {side}_features must be numbers (rows, size), not {_kind(features)}")
        for name in (f"{side}_pids", f"{side}_cams"):
            arrays[name] = _whole_numbers(arrays[name], len(features), f"{path}: {name}")
    return arrays


def _whole_numbers(values: np.ndarray, length: int, where: str) -> np.ndarray:
    if values.shape != (length,) or not np.issubdtype(values.dtype, np.number) or np.iscomplexobj(values):
        raise UserError(f"{where} must be {length} whole numbers, one a row of features, not {_kind(values)}")
    whole = values.astype(np.int64) if np.isfinite(values).all() else None
    if whole is None or not (whole == values).all():
        raise UserError(f"{where} must be whole numbers")
    return whole


def _kind(values: np.ndarray) -> str:
    return f"{values.dtype} {values.shape}"


def evaluate_checkpoint(config: EvaluateConfig) -> dict[str, Any]:
    """CMC and mAP of a data set whose tracklets a checkpoint (or one a split) describes: each split, and their mean.

    Raises UserError on the faults of either.
    """
    # Here, so that ranking features needs no torch.
    from reid.data import load_splits
    from reid.measure import MeasureOptions, checkpoints_of, leak_notes, measure_splits
    from reid.training import device_name, pick_device

    assert config.checkpoint is not None
    device = pick_device(config.device)
    chosen = chosen_splits(load_splits(config, config.seed), config)
    checkpoints = checkpoints_of(config.checkpoint, tuple(chosen))
    data = next(iter(chosen.values()))
    for line in remarks(data):
        print(line)
    with features_folder(config) as features:
        options = MeasureOptions(device, features, config.chunk, config.height, config.width, config.cache_gib)
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
        "protocol": "step",
        "rules": data.protocol,
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
    from reid.charts import cmc_of_splits  # here: matplotlib takes half a second

    curves = [each["cmc"] for each in result["per_split"]]
    chart = cmc_of_splits(result["cmc"], curves, result["chance"]["cmc"], result["data"]["name"])
    write_json(folder / "result.json", result)
    write_atomically(folder / "table.md", page(result).encode())
    write_atomically(folder / "cmc.svg", chart.encode())
    print(f"{folder / 'result.json'}, table.md and cmc.svg are written")


def _file_record(path: Path) -> dict[str, str]:
    return {"file": str(path), "sha256": sha256_of_file(path)}


if __name__ == "__main__":
    run(evaluate, EvaluateConfig, PROG)
