"""What a run leaves behind for people and scripts: the numbers, and everything that produced them.

Nothing here imports torch.
"""

import hashlib
import importlib.metadata
import platform
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from alignnet_common.cli import DataclassInstance, UserError, as_plain
from alignnet_common.files import read_jsonl, sha256_of_file
from reid.data.types import ReidData, Tracklet
from reid.metrics.ranking import Protocol, Ranking, chance_ranking, rank_features
from reid.metrics.score_normalisation import ScoreNorm

SHOWN_RANKS = (1, 5, 10, 20)
CMC_LENGTH = 20
PACKAGES = ("torch", "torchvision", "numpy", "scipy", "imageio")
PROJECT = "alignnet-reid"
COUNTED = ("queries", "valid_queries", "queries_without_positive")
"""Numbers of a block that are counts, not shares."""

Block = dict[str, Any]
"""Numbers of one ranking: rank1, rank5, rank10, rank20, mAP, mINP and cmc in percent, and those of COUNTED."""


def ranking_block(ranking: Ranking) -> Block:
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


def pids_and_cameras(tracklets: Sequence[Tracklet]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pids (N,) and cameras (N,) of N tracklets."""
    pairs = np.array([(tracklet.pid, tracklet.camera) for tracklet in tracklets], dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def rank_tracklets(
    query: Sequence[Tracklet],
    gallery: Sequence[Tracklet],
    query_features: npt.NDArray[np.floating],
    gallery_features: npt.NDArray[np.floating],
    protocol: Protocol = "step",
    score_norm: ScoreNorm | None = None,
    rerank: bool = False,
) -> Block:
    """CMC, mAP and mINP of descriptors (Q, D) and (G, D) by a protocol; see `ranking_block`, `reid.metrics.ranking`.

    Raises UserError where the descriptors have no distances.
    """
    query_pids, query_cams = pids_and_cameras(query)
    gallery_pids, gallery_cams = pids_and_cameras(gallery)
    counted, rows = protocol_of(query, gallery, protocol)
    try:
        ranking = rank_features(
            query_features,
            gallery_features,
            query_pids,
            gallery_pids,
            query_cams,
            gallery_cams,
            protocol=counted,
            query_index=rows,
            score_norm=score_norm,
            rerank=rerank,
        )
    except ValueError as misfit:
        raise UserError(f"the network's descriptors cannot be ranked: {misfit}") from misfit
    return ranking_block(ranking)


def protocol_of(
    query: Sequence[Tracklet], gallery: Sequence[Tracklet], protocol: Protocol
) -> tuple[Protocol, npt.NDArray[np.int64] | None]:
    """What `reid.metrics.ranking` is to be asked for: a protocol, and the gallery row (Q,) of each query that has one.

    Where no query stands in the gallery (PRID2011), torchreid's protocol takes nothing out of it: it is «step».
    """
    rows = places_in_gallery(query, gallery)
    apart = protocol == "torchreid" and rows is None and set(query).isdisjoint(gallery)
    return "step" if apart else protocol, rows


def places_in_gallery(query: Sequence[Tracklet], gallery: Sequence[Tracklet]) -> npt.NDArray[np.int64] | None:
    """The gallery row (Q,) that each query is, where all queries stand in the gallery too (MARS); else None."""
    row = {tracklet: position for position, tracklet in enumerate(gallery)}
    found = [row.get(tracklet, -1) for tracklet in query]
    return np.array(found, dtype=np.int64) if found and min(found) >= 0 else None


def mean_block(blocks: Sequence[Block]) -> Block:
    """The mean of each number over the splits; those of COUNTED are summed."""
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
    return fold(values).tolist()


def chance_of(data: ReidData, protocol: Protocol = "step") -> Block:
    """The chance of a data set's query and gallery by a protocol. Raises UserError where no query has a positive."""
    query_pids, query_cams = pids_and_cameras(data.query)
    gallery_pids, gallery_cams = pids_and_cameras(data.gallery)
    counted, rows = protocol_of(data.query, data.gallery, protocol)
    try:
        chance = chance_ranking(query_pids, gallery_pids, query_cams, gallery_cams, protocol=counted, query_index=rows)
    except ValueError as none:
        advice = "take another split, or another protocol" if protocol == "torchreid" else "take another split"
        raise UserError(f"{data.root}: nothing to evaluate: {none}; {advice}") from none
    return ranking_block(chance)


def data_record(data: ReidData, known_fingerprint: str | None = None) -> dict[str, Any]:
    """What was read, and how it was divided."""
    return {
        "name": data.name,
        "root": str(data.root),
        "fingerprint": known_fingerprint or fingerprint(data),
        "division": division(data),
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
    """Who a network was trained on, to be kept in its file: by number in these data, and by `first_frames`, by which
    they are known in data that have grown, were divided otherwise, or lie elsewhere; of a rendered set by its clips,
    too, whose frames may be in other files by now."""
    pids = sorted({tracklet.pid for tracklet in data.train})
    record = {"name": data.name, "fingerprint": fingerprint, "split": data.split, "pids": pids}
    record["frames"] = _all_of(first_frames(data.train))
    clips = _all_of(clips_by_person(data, data.train))
    return record | ({"clips": clips} if clips else {})


def _all_of(by_person: Mapping[int, set[str]]) -> list[str]:
    return sorted({one for some in by_person.values() for one in some})


def first_frames(tracklets: Sequence[Tracklet]) -> dict[int, set[str]]:
    """Of each person, what the file of each tracklet's first frame hashes to: 16 digits of its SHA-256.

    A frame that two persons have, a blank one, say, tells nobody and is left out.
    """
    owners: dict[str, set[int]] = {}
    for tracklet in tracklets:
        owners.setdefault(sha256_of_file(tracklet.frames[0])[:16], set()).add(tracklet.pid)
    found: dict[int, set[str]] = {}
    for frame, pids in owners.items():
        if len(pids) == 1:
            (pid,) = pids
            found.setdefault(pid, set()).add(frame)
    return found


def clips_of_tested(data: ReidData) -> dict[int, set[str]]:
    """The clips of each person tested, see `clips_by_person`."""
    return clips_by_person(data, (*data.query, *data.gallery))


def clips_by_person(data: ReidData, tracklets: Sequence[Tracklet]) -> dict[int, set[str]]:
    """Of a rendered set, what the pixels of each person's clips hash to, 16 digits of each; empty for other data."""
    hashes = {clip: pixels[:16] for manifest in manifests(data) for clip, pixels in hashes_of_clips(manifest).items()}
    found: dict[int, set[str]] = {}
    for tracklet in tracklets:
        pixels = hashes.get("/".join(tracklet.frames[0].parts[-3:-1]))  # …/cam_a/person_0001/0001.png
        if pixels is not None:
            found.setdefault(tracklet.pid, set()).add(pixels)
    return found


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
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            raise UserError(f"{path}: a link to nothing, or gone since: mend it or take it away") from None
        digest.update(f"{_name_of(path, data.root)} {size}\n".encode())
    for manifest in manifests(data):
        rows = sorted(f"{clip} {pixels}\n" for clip, pixels in hashes_of_clips(manifest).items())
        digest.update("".join(rows).encode())
    return digest.hexdigest()


def division(data: ReidData) -> str:
    """SHA-256 over who is trained on, asked for and searched, tracklet by tracklet. It changes where people are divided
    otherwise, or a tracklet is somebody else's: the same files, and so the same `fingerprint`."""
    digest = hashlib.sha256()
    for half in ("train", "query", "gallery"):
        rows = [
            f"{half} {one.pid} {one.camera} {one.sequence} {len(one.frames)} {_name_of(one.frames[0], data.root)}\n"
            for one in getattr(data, half)
        ]
        digest.update("".join(sorted(rows)).encode())
    return digest.hexdigest()


def _name_of(path: Path, root: Path) -> str:
    """A file's name relative to the data's root; a CSV may name any place."""
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def manifests(data: ReidData) -> list[Path]:
    """The manifest of a rendered set, also where it stands in for PRID2011; none of other data, whose owners may call
    a file of theirs so."""
    places = (data.root / "manifest.jsonl", data.root / "prid_2011" / "manifest.jsonl")
    rendered = data.name.startswith("synthetic")
    return [path for path in places if path.is_file() and (rendered or _has_clips(path))]


def _has_clips(manifest: Path) -> bool:
    try:
        return bool(hashes_of_clips(manifest))
    except UserError:
        return False


def hashes_of_clips(manifest: Path) -> dict[str, str]:
    """The clips of a rendered set and the hashes of their pixels. Raises UserError where it is no such manifest."""
    try:
        return {str(row["clip"]): str(row["pixels_sha256"]) for row in read_jsonl(manifest)}
    except (ValueError, KeyError, TypeError) as broken:
        raise UserError(f"{manifest}: not a manifest of clips ({broken}); render the set again") from broken


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
