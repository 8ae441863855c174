"""What a run leaves behind for people and scripts: the numbers, and everything that produced them.

Nothing here imports torch.
"""

import hashlib
import importlib.metadata
import platform
import shlex
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.command import DataclassInstance, UserError, as_plain
from kit.files import read_jsonl
from reid.data.tracklet import ReidData, Tracklet
from reid.metrics import Ranking, euclidean_distances, evaluate_ranking

SHOWN_RANKS = (1, 5, 10, 20)
CMC_LENGTH = 20
PACKAGES = ("torch", "torchvision", "numpy", "scipy", "imageio")
PROJECT = "alignnet-reid"
COUNTED = ("queries", "valid_queries", "queries_without_positive")
"""Numbers of a block that are counts, not shares."""

Block = dict[str, Any]
"""Numbers of one ranking: rank1, rank5, rank10, rank20, mAP and cmc in percent, queries, valid_queries."""


def ranking_block(ranking: Ranking) -> Block:
    """A ranking as plain numbers; shares in percent."""
    return {
        **_shares(ranking.cmc, ranking.mAP),
        "queries": ranking.queries,
        "valid_queries": ranking.valid_queries,
    }


def chance_block(
    query_pids: npt.NDArray[np.integer],
    gallery_pids: npt.NDArray[np.integer],
    query_cams: npt.NDArray[np.integer],
    gallery_cams: npt.NDArray[np.integer],
) -> Block:
    """What a random order of the gallery is expected to give, by the rules of `reid.metrics`; shares in percent.

    Of n items that are not ignored, p match. None of the first k matches with the chance
    prod_{i<k} (n - p - i) / (n - i); the mean precision at the hits is expected to be
    (p - 1) / (n - 1) (1 - H_n / n) + H_n / n, with the harmonic number H_n. Raises ValueError where no query has a
    positive.
    """
    cmcs, precisions = [], []
    for pid, camera in zip(query_pids.tolist(), query_cams.tolist(), strict=True):
        kept = (gallery_pids != -1) & ~((gallery_pids == pid) & (gallery_cams == camera))
        n = int(kept.sum())
        p = int((kept & (gallery_pids == pid)).sum()) if pid > 0 else 0
        if p == 0:
            continue
        before = np.arange(CMC_LENGTH)
        misses = np.maximum(n - p - before, 0) / np.maximum(n - before, 1)
        cmcs.append(1 - np.cumprod(misses))
        harmonic = float((1 / np.arange(1, n + 1)).sum()) / n
        precisions.append(harmonic + ((p - 1) / (n - 1) * (1 - harmonic) if n > 1 else 0))
    if not cmcs:
        raise ValueError(f"none of the {len(query_pids)} queries has a positive")
    found = _shares(np.mean(cmcs, axis=0), float(np.mean(precisions)))
    return {**found, "queries": len(query_pids), "valid_queries": len(cmcs)}


def _shares(cmc: npt.NDArray[np.floating], mean_precision: float) -> Block:
    percent = [round(100 * float(share), 4) for share in cmc[:CMC_LENGTH]]
    return {
        **{f"rank{rank}": percent[rank - 1] for rank in SHOWN_RANKS},
        "mAP": round(100 * mean_precision, 4),
        "cmc": percent,
    }


def pids_and_cameras(tracklets: Sequence[Tracklet]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pids (N,) and cameras (N,) of N tracklets."""
    pairs = np.array([(tracklet.pid, tracklet.camera) for tracklet in tracklets], dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def rank_tracklets(
    query: Sequence[Tracklet],
    gallery: Sequence[Tracklet],
    query_features: npt.NDArray[np.floating],
    gallery_features: npt.NDArray[np.floating],
) -> Block:
    """CMC and mAP of descriptors (Q, D) and (G, D) by Euclidean distance; see `ranking_block`."""
    query_pids, query_cams = pids_and_cameras(query)
    gallery_pids, gallery_cams = pids_and_cameras(gallery)
    distances = euclidean_distances(query_features, gallery_features)
    return ranking_block(evaluate_ranking(distances, query_pids, gallery_pids, query_cams, gallery_cams))


def places_in_gallery(query: Sequence[Tracklet], gallery: Sequence[Tracklet]) -> npt.NDArray[np.int64] | None:
    """The gallery row (Q,) that each query is, where all queries stand in the gallery too (MARS); else None."""
    row = {tracklet: position for position, tracklet in enumerate(gallery)}
    found = [row.get(tracklet, -1) for tracklet in query]
    return np.array(found, dtype=np.int64) if found and min(found) >= 0 else None


def mean_block(blocks: Sequence[Block]) -> Block:
    """The mean of each number over the splits; `queries` and `valid_queries` are summed."""
    return {name: _over_splits(name, blocks, lambda values: np.mean(values, axis=0)) for name in blocks[0]}


def deviation_block(blocks: Sequence[Block]) -> Block | None:
    """The standard deviation of each number over the splits (of a sample: n - 1); None for one split."""
    if len(blocks) < 2:
        return None
    names = [name for name in blocks[0] if name not in COUNTED]
    return {name: _over_splits(name, blocks, lambda values: np.std(values, axis=0, ddof=1)) for name in names}


def _over_splits(name: str, blocks: Sequence[Block], fold: Callable[[npt.NDArray[Any]], Any]) -> Any:
    values = np.array([block[name] for block in blocks])
    if name in COUNTED:
        return int(values.sum())
    return np.round(fold(values), 4).tolist()


def chance_of(data: ReidData) -> Block:
    """The chance of a data set's query and gallery. Raises UserError where no query has a positive."""
    query_pids, query_cams = pids_and_cameras(data.query)
    gallery_pids, gallery_cams = pids_and_cameras(data.gallery)
    try:
        return chance_block(query_pids, gallery_pids, query_cams, gallery_cams)
    except ValueError as none:
        raise UserError(f"{data.root}: nothing to evaluate: {none} in another camera; take another split") from none


def data_record(data: ReidData, known_fingerprint: str | None = None) -> dict[str, Any]:
    """What was read, and how it was divided."""
    return {
        "name": data.name,
        "root": str(data.root),
        "fingerprint": known_fingerprint or fingerprint(data),
        "split": data.split,
        "protocol": data.protocol,
        "notes": list(data.notes),
        "warnings": list(data.warnings),
        "counts": {half: counts(getattr(data, half)) for half in ("train", "query", "gallery")},
    }


def remarks(data: ReidData) -> list[str]:
    """Notes and warnings, a line each, for people."""
    return [f"note: {note}" for note in data.notes] + [f"warning: {warning}" for warning in data.warnings]


def trained_on(data: ReidData, fingerprint: str) -> dict[str, Any]:
    """Who a network was trained on, to be kept in its file."""
    pids = sorted({tracklet.pid for tracklet in data.train})
    return {"name": data.name, "fingerprint": fingerprint, "split": data.split, "pids": pids}


def counts(tracklets: Sequence[Tracklet]) -> dict[str, int]:
    """Identities, tracklets and frames."""
    return {
        "ids": len({tracklet.pid for tracklet in tracklets}),
        "tracklets": len(tracklets),
        "frames": sum(len(tracklet.frames) for tracklet in tracklets),
    }


def in_words(counted: dict[str, int]) -> str:
    """`counts` for people."""
    return f"{counted['ids']} persons, {counted['tracklets']} tracklets, {counted['frames']} frames"


def fingerprint(data: ReidData) -> str:
    """SHA-256 over the names (relative to the root, sorted) and sizes of the frames, and a rendered set's pixel hashes.

    The same people in another folder have the same fingerprint.
    """
    digest = hashlib.sha256()
    for path in sorted({frame for tracklet in data.tracklets for frame in tracklet.frames}):
        name = path.relative_to(data.root) if path.is_relative_to(data.root) else path  # a CSV may name any place
        digest.update(f"{name.as_posix()} {path.stat().st_size}\n".encode())
    for manifest in (data.root / "manifest.jsonl", data.root / "prid_2011" / "manifest.jsonl"):
        if manifest.is_file():
            digest.update(_manifest_hashes(manifest))
    return digest.hexdigest()


def _manifest_hashes(manifest: Path) -> bytes:
    """The clips of a rendered set and the hashes of their pixels, a line each, in order."""
    try:
        rows = [f"{row['clip']} {row['pixels_sha256']}\n" for row in read_jsonl(manifest)]
    except (ValueError, KeyError, TypeError) as broken:
        raise UserError(f"{manifest}: not a manifest of clips ({broken}); render the set again") from broken
    return "".join(sorted(rows)).encode()


def versions() -> dict[str, str]:
    """Versions of Python, of this project, and of the packages that numbers depend on."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in (PROJECT, *PACKAGES):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def command_line(prog: str) -> str:
    """The command as typed."""
    return shlex.join([*prog.split(), *sys.argv[1:]])


def run_record(prog: str, config: DataclassInstance, device: str, started: str, seconds: float) -> dict[str, Any]:
    """What besides the data made a result: the command, the options, the machine, the versions, the time."""
    return {
        "command": command_line(prog),
        "config": as_plain(config),
        "device": device,
        "versions": versions(),
        "started": started,
        "seconds": round(seconds, 1),
    }


def now() -> str:
    """The time, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def table(blocks: dict[str, Block]) -> str:
    """Ranks and mAP in percent, a line a block, for people."""
    width = max(len(name) for name in blocks)
    lines = [f"{'':{width}}  " + "".join(f"{f'rank-{rank}':>9}" for rank in SHOWN_RANKS) + f"{'mAP':>9}"]
    for name, block in blocks.items():
        numbers = [block[f"rank{rank}"] for rank in SHOWN_RANKS] + [block["mAP"]]
        lines.append(f"{name:{width}}  " + "".join(f"{number:9.1f}" for number in numbers))
    return "\n".join(lines)
