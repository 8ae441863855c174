"""Join the tracklets of an index to persons.

    python -m reid.link --index index --out persons.csv

Tracklets are clustered by Jaccard distances of k-reciprocal neighbours, as in reid adapt. Two tracklets that one camera
sees at the same time are never one person. A tracklet that is like no other is of an unknown person.
"""

import csv
import io
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alignnet_common.checked.csv_file import rows_of_csv
from alignnet_common.errors import UserError
from alignnet_common.files import write_text
from reid.adapt.clustering.agreement import Clustering, distances_of
from reid.adapt.clustering.apart import seen_together
from reid.adapt.clustering.clusters import OUTLIER, Clusters, Labels, clusters_of
from reid.configs.video.link import LinkConfig
from reid.evaluation.extracted_features import import_parquet
from reid.index.parquet import write_parquet
from reid.index.store import IndexRow, Store
from reid.inference.table import TRACKS_TABLE
from reid.tracks.crops import COLUMNS, key_of
from reid.tracks.records import recorded_cameras

LEAST = 2
"""Tracklets of a person."""

BOX = ("x", "y", "w", "h", "score")
"""Columns of tracks.csv that --mot copies."""

TYPES = {
    "camera": "string",
    "track": "string",
    "person": "int64",
    "start": "float64",
    "end": "float64",
    "source": "string",
}
"""Columns of --parquet."""


def link(config: LinkConfig) -> None:
    """Write --out, --parquet and --mot. Raises UserError where there is no index, or it is empty."""
    store = Store(config.index)
    store.facts()
    if config.parquet is not None:
        import_parquet(config.parquet)  # before the clusters
    blocks = list(store.blocks())
    rows = [row for block in blocks for row in block.rows]
    if len(rows) < LEAST:
        raise UserError(f"{config.index}: {len(rows)} tracklets: there is nobody to link")
    sizes = {block.vectors().shape[1] for block in blocks}
    if len(sizes) > 1:
        raise UserError(f"{config.index}: vectors of {min(sizes)} and of {max(sizes)} numbers: make the index again")
    vectors = np.concatenate([np.array(block.vectors(), np.float32) for block in blocks])
    if not np.isfinite(vectors).all():
        raise UserError(f"{config.index}: vectors that are not finite: index the tracklets again")
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    clusters = persons_of(rows, vectors, config)
    if config.out is not None:
        write_text(config.out, table_of(rows, clusters.labels))
    if config.parquet is not None:
        facts = {"index": str(config.index), "eps": config.eps, "no_overlap": config.no_overlap}
        write_parquet(config.parquet, persons_by_name(rows, clusters.labels), TYPES, facts)
    if config.mot is not None:
        write_mot(config.mot, rows, clusters.labels)
    print(in_words(clusters, len(rows)))


def persons_of(rows: Sequence[IndexRow], vectors: np.ndarray, config: LinkConfig) -> Clusters:
    """The clusters of N tracklets with descriptors (N, D) of length 1."""
    names = sorted({row.camera for row in rows})
    cameras = np.array([names.index(row.camera) for row in rows])
    times = np.array([[np.nan if time is None else time for time in (row.start, row.end)] for row in rows])
    apart = seen_together(np.zeros_like(cameras) if config.no_overlap else cameras, times)
    distances = distances_of(vectors, apart, Clustering(config.k1, config.k2, LEAST, (config.eps,)))
    return clusters_of(distances, cameras, config.eps, LEAST, apart)


def persons_by_name(rows: Sequence[IndexRow], labels: Labels) -> list[dict[str, Any]]:
    """The columns of `TYPES` of each tracklet, by camera and track; persons count from 1, None: unknown."""
    return [
        {
            "camera": row.camera,
            "track": row.track,
            "person": None if label == OUTLIER else label + 1,
            "start": row.start,
            "end": row.end,
            "source": row.source,
        }
        for row, label in sorted(zip(rows, labels.tolist(), strict=True), key=lambda pair: pair[0].name)
    ]


def table_of(rows: Sequence[IndexRow], labels: Labels) -> str:
    """Camera, track and person of each tracklet as CSV."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("camera", "track", "person"))
    table.writerows((row["camera"], row["track"], row["person"]) for row in persons_by_name(rows, labels))
    return text.getvalue()


def write_mot(folder: Path, rows: Sequence[IndexRow], labels: Labels) -> None:
    """Write CAMERA.txt for each camera, or CAMERA@START.txt for each of its recordings, whose frames count from 1.

    Raises UserError where a folder of tracklets has no tracks.csv.
    """
    person = {
        (row.source, row.camera, row.track): label + 1
        for row, label in zip(rows, labels.tolist(), strict=True)
        if label != OUTLIER
    }
    lines: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for source in sorted({row.source for row in rows}):
        path = Path(source) / TRACKS_TABLE
        if not path.is_file():
            raise UserError(f"--mot: no {TRACKS_TABLE} in {source}: its boxes are not known (reid tracks writes it)")
        starts = starts_of(Path(source))
        for where, crop in rows_of_csv(path, COLUMNS):
            number = person.get((source, crop["camera"], crop["track"]))
            if number is not None:
                frame, time = numbers_of(crop, where)
                box = ",".join(crop[side] for side in BOX)
                begun = [start for start in starts.get(crop["camera"], ()) if start <= time]
                name = key_of(crop["camera"], max(begun, default=0.0))
                lines[name].append((frame, f"{frame},{number},{box},-1,-1,-1\n"))
    for name, some in lines.items():
        write_text(folder / f"{name}.txt", "".join(line for _, line in sorted(some)))


def numbers_of(crop: Mapping[str, str], where: str) -> tuple[int, float]:
    """Frame and time of a row of tracks.csv. Raises UserError, beginning with `where`, where a number is none."""
    try:
        frame, time, *box = (float(crop[name]) for name in ("frame", "time", *BOX))
    except ValueError:
        raise UserError(f"{where}: {', '.join(('frame', 'time', *BOX))} must be numbers") from None
    if not all(map(math.isfinite, (frame, time, *box))) or frame != int(frame):
        raise UserError(f"{where}: {', '.join(('frame', 'time', *BOX))} must be finite, and frame whole")
    return int(frame), time


def starts_of(tracks: Path) -> dict[str, list[float]]:
    """When the recordings of each camera begin that has several, as reid tracks has recorded it, seconds."""
    return {
        camera: [float(each["start"]) for each in row["recordings"]]
        for camera, row in recorded_cameras(tracks).items()
        if "recordings" in row
    }


def in_words(clusters: Clusters, tracklets: int) -> str:
    """The outcome in one line."""
    count = clusters.count if tracklets > clusters.outliers else 0
    return (
        f"{count} persons of {tracklets - clusters.outliers} tracklets, {clusters.across if count else 0} of them in "
        f"several cameras; {clusters.outliers} tracklets are of unknown persons"
    )
