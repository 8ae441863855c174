"""Estimated and true false match rates of pairs of cameras, and strangers, on Market-1501's training half."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from alignnet_common.arrays import Singles
from alignnet_common.cli import as_plain
from alignnet_common.files import write_json
from alignnet_common.options import bounded, check_ranges
from benchmarks.adapt.tracks import TRUTH, market_tracks, persons_of, write_tracks
from benchmarks.search.strangers import known_and_strangers
from benchmarks.workers.subprocesses import Start, call, check_market
from reid.index.false_matches import RateTable, rate_tables
from reid.reporting.markdown import markdown_table

RATES = (0.01, 0.001, 0.0001)
"""False match rates at which estimate and truth are compared."""


@dataclass(frozen=True)
class FalseMatchConfig:
    """Compare estimated with true false match rates, and count strangers who are taken for somebody."""

    market: Path
    """Folder of Market-1501, which contains bounding_box_train."""

    out: Path = Path("runs/false-matches")
    """Folder for the tracklets, descriptors, false-matches.json and false-matches.md."""

    weights: str = "small"
    """Network that describes."""

    camera_norm: bool = True
    """Describe with batch norm statistics of each camera."""

    persons: int | None = bounded(None, at_least=20)
    """Number of persons, drawn at random. Default: all 751."""

    leave_out: int = bounded(0, at_least=0)
    """Of the persons in random order, the first ones that are left out: those that a network was adapted to."""

    def __post_init__(self) -> None:
        check_ranges(self)


def measure(config: FalseMatchConfig, start: Start = call) -> None:
    """Describe the tracklets unless that is done; write the comparison."""
    check_market(config.market)
    images = config.market / "bounding_box_train"
    config.out.mkdir(parents=True, exist_ok=True)
    tracks = market_tracks([path.name for path in images.iterdir()])
    everybody = np.random.default_rng(0).permutation(sorted({track.person for track in tracks})).tolist()
    chosen = set(everybody[config.leave_out :][: config.persons])
    tracks = [track for track in tracks if track.person in chosen]
    root = write_tracks(tracks, images, config.out)
    file = config.out / "descriptors.npz"
    words = [str(root), "--tracklets", "--normalize", f"--weights={config.weights}", f"--out={file}"]
    start("reid.extract", [*words, *(["--camera-norm"] if config.camera_norm else [])])
    with np.load(file) as found:
        descriptors = found["features"].astype(np.float32)
        cameras, numbers = found["cameras"].astype(str), found["tracks"]
    known = {(camera, int(track)): person for (camera, track), person in persons_of(config.out / TRUTH).items()}
    persons = np.array([known[camera, int(track)] for camera, track in zip(cameras, numbers, strict=True)])
    rows = compared(descriptors, cameras, persons)
    strangers = known_and_strangers(descriptors, cameras, persons)
    facts = {"config": as_plain(config), "tracklets": len(persons), "persons": len(set(persons))}
    write_json(config.out / "false-matches.json", facts | {"rows": rows, "strangers": strangers})
    text = table(rows) + "\n" + table(strangers)
    (config.out / "false-matches.md").write_text(text)
    print(text)


def compared(
    descriptors: Singles, cameras: npt.NDArray[np.str_], persons: npt.NDArray[np.int64]
) -> list[dict[str, Any]]:
    """For each pair of different cameras: estimated over true rate at `RATES`, and the share of true pairs found there.

    descriptors -- (N, D) of length 1. cameras, persons -- (N,).
    """
    names = sorted(set(cameras.tolist()))
    members = {name: np.flatnonzero(cameras == name) for name in names}
    tables: Mapping[tuple[str, str], RateTable] = rate_tables({name: descriptors[members[name]] for name in names})
    rows = []
    for place, one in enumerate(names):
        for other in names[place + 1 :]:
            similarity = descriptors[members[one]] @ descriptors[members[other]].T
            same = persons[members[one]][:, None] == persons[members[other]][None]
            strangers, own = np.sort(similarity[~same]), similarity[same]
            row: dict[str, Any] = {"cameras": f"{one}, {other}", "pairs": same.size, "of one person": int(same.sum())}
            for rate in RATES:
                score = float(strangers[int(len(strangers) * (1 - rate))])
                row[f"estimate / {rate}"] = round(tables[one, other].rate(score) / rate, 3)
                row[f"found at {rate}"] = round(float((own > score).mean()), 3)
            rows.append(row)
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    return markdown_table(list(rows[0]), [[str(value) for value in row.values()] for row in rows])
