"""The steps of reid extract: find the images, describe them block by block, write the result and its record."""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alignnet_common.arrays import Singles
from alignnet_common.checked.json_file import parsed, read_bounded
from alignnet_common.cli.progress import progress
from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_lines, write_json
from alignnet_common.run_record import command_line, now, run_record
from reid.configs.extract import ExtractConfig
from reid.data.tracklets.frames import UnreadableImageError
from reid.data.tracklets.listing import in_words as words_of
from reid.data.tracklets.listing import passed_over
from reid.evaluation.camera_statistics import CameraStatistics, read_statistics
from reid.inference.camera_norm import (
    WINDOW,
    WINDOW_OF_TRACKLETS,
    by_camera,
    camera_record,
    rows_by_camera,
    statistics_file,
    statistics_of_source,
)
from reid.inference.describer import Describer, load
from reid.inference.output import Descriptors, check_format, columns_of, write_descriptors
from reid.inference.partial_rows import PartialRows, file_hashes, partial_rows, remove_remains
from reid.inference.rows import LEFT_OUT, Row, Source
from reid.inference.sources import find_source
from reid.runtime.device import device_name

PROG = "python -m reid.extract"

DISTANCES = {
    True: "Euclidean or cosine: descriptors have length 1, both rank alike",
    False: "Euclidean, as in reid evaluate: descriptors are not of length 1 (--normalize)",
}
"""Distance that goes with descriptors, by whether they have length 1."""


def extract(config: ExtractConfig) -> None:
    """Describe the images or tracklets of a source and write --out and its record.

    Continues after an interruption. Raises UserError on a source, weights or options that do not fit, and on an
    unreadable image.
    """
    assert config.source is not None and config.out is not None
    check_format(config.out)
    started, clock = now(), time.perf_counter()
    source = find_source(config.source, config.tracklets)
    describer = load(
        config.weights,
        config.device,
        height=config.height,
        width=config.width,
        chunk=config.chunk,
        flip_test=config.flip_test,
    )
    files = file_hashes(source)
    statistics = camera_statistics(describer, source, files, config)
    made_of = rows_made_of(describer, config, statistics)
    identity = fingerprint(made_of, files, source, config)
    if is_complete(config.out, identity):
        remove_remains(config.out)
        print(f"{config.out} is complete already; remove it to describe the images again")
        return
    print(in_words(source, config))
    with partial_rows(config.out, made_of, files, describer.descriptor_size) as partial:
        if not config.skip_broken:
            partial.cut_at(LEFT_OUT)
        first = partial.done
        describers, otherwise = by_camera(describer, statistics) if statistics is not None else ({}, describer)
        seconds = describe_rows(otherwise, describers, source, partial, config)
        record = write_result(config, source, describer, Descriptors(partial.rows(), config.normalize), statistics)
        frames = sum(len(row.frames) for row in source.rows[first:])
        record |= {
            "resumed_after": first,
            "images_per_second": round(frames / seconds, 1) if frames else None,
            "data": {"source": config.source, "fingerprint": data_fingerprint(source)},
            "fingerprint": identity,
        }
        how = command_line(PROG), config, device_name(describer.device), started, time.perf_counter() - clock
        write_json(record_file(config.out), record | run_record(*how))
    print(summary(record, config.out))


def record_file(out: Path) -> Path:
    """The record beside a result: F.json of F.npz."""
    return out.with_suffix(".json")


def camera_statistics(
    describer: Describer, source: Source, files: list[str], config: ExtractConfig
) -> CameraStatistics | None:
    """The statistics of each camera: those of --camera-statistics, with --camera-norm those of the source; or None."""
    assert config.out is not None
    found = None
    if config.camera_statistics is not None:
        found = read_statistics(config.camera_statistics, describer.sha256)
    elif config.camera_norm:
        found = statistics_of_source(describer, source, files, config.out, config.workers)
    if found is not None:
        print(found.in_words())
    return found


def rows_made_of(describer: Describer, config: ExtractConfig, statistics: CameraStatistics | None) -> dict[str, Any]:
    """What a row depends on beside its images: weights, sizes, options, camera statistics, and the kind of device."""
    height, width = describer.input_size
    cameras = {} if statistics is None else {"camera_statistics": statistics.sha256}
    return cameras | {
        "weights": describer.sha256,
        "height": height,
        "width": width,
        "chunk": describer.chunk if config.tracklets else 1,
        "tracklets": config.tracklets,
        "flip_test": config.flip_test,
        "device": describer.device.type,
    }


def fingerprint(made_of: dict[str, Any], files: list[str], source: Source, config: ExtractConfig) -> str:
    """SHA-256 over what a result depends on: rows, files, labels, format and scale."""
    digest = hashlib.sha256(json.dumps([made_of, files, config.normalize, config.skip_broken], sort_keys=True).encode())
    for row in source.rows:
        digest.update(os.fsencode("\t".join((row.path, row.person, row.camera, row.track))))
    return digest.hexdigest()


def is_complete(out: Path, identity: str) -> bool:
    """Whether the result and a record with this fingerprint are there."""
    try:
        found = parsed(read_bounded(record_file(out)), {"fingerprint?": str})
    except (OSError, ValueError):
        return False
    return out.is_file() and found.get("fingerprint") == identity


def describe_rows(
    describer: Describer,
    describers: Mapping[str, Describer],
    source: Source,
    partial: PartialRows,
    config: ExtractConfig,
) -> float:
    """Append the rows that are missing; returns the seconds that it took.

    describers -- by camera; `describer` for the cameras that have none.
    Raises UserError on an unreadable image, and on a descriptor that is not finite.
    """
    clock = time.perf_counter()
    unit = "tracklet" if config.tracklets else "image"
    rows = source.rows
    with progress(
        quiet_logs=True,
        total=len(rows),
        initial=partial.done,
        desc="descriptors",
        unit=unit,
        disable=config.tracklets and not describers,  # tracklets have a bar of their own
    ) as bar:
        try:
            for block in blocks(describer, describers, source, partial.done, config):
                check_finite(
                    block, config, [source.root / row.path for row in rows[partial.done : partial.done + len(block)]]
                )
                partial.append(block)
                bar.update(len(block))
        except UnreadableImageError as broken:
            raise UserError(f"{broken}, or leave it out with --skip-broken") from broken
    return time.perf_counter() - clock


def blocks(
    describer: Describer, describers: Mapping[str, Describer], source: Source, first: int, config: ExtractConfig
) -> Iterator[Singles]:
    """Rows (B, D) of the source from number `first` on; arguments as in `describe_rows`."""
    rows = source.rows[first:]
    files = [[str(source.root / frame) for frame in row.frames] for row in rows]
    options = config.batch_size, config.workers, config.skip_broken

    def of_tracklets(network: Describer, some: Sequence[list[str]]) -> Iterator[Singles]:
        return (row[None] for row in network.tracklet_rows(some, *options, quiet=bool(describers)))

    def of_images(network: Describer, some: Sequence[list[str]]) -> Iterator[Singles]:
        return network.image_rows([file for (file,) in some], *options)

    rows_of = of_tracklets if config.tracklets else of_images
    if describers:
        window = WINDOW_OF_TRACKLETS if config.tracklets else WINDOW
        yield from rows_by_camera(describers, describer, [row.camera for row in rows], files, rows_of, window)
    else:
        yield from rows_of(describer, files)


def check_finite(block: Singles, config: ExtractConfig, paths: list[Path]) -> None:
    """Raise UserError where a descriptor (a row of (B, D)) is not finite and not one that is left out."""
    fine = np.isfinite(block).all(axis=1)
    if config.skip_broken:
        fine |= (block == LEFT_OUT).all(axis=1)
    if not fine.all():
        raise UserError(f"{paths[int(np.argmin(fine))]}: the network's descriptor is not finite: train it again")


def write_result(
    config: ExtractConfig,
    source: Source,
    describer: Describer,
    descriptors: Descriptors,
    statistics: CameraStatistics | None,
) -> dict[str, Any]:
    """Write the result file; returns what the record says of it."""
    assert config.out is not None
    kept = descriptors.kept()
    rows = [row for row, there in zip(source.rows, kept, strict=True) if there]
    skipped = [row.path for row, there in zip(source.rows, kept, strict=True) if not there]
    if not rows:
        raise UserError(f"{config.source}: none of the {len(skipped)} images can be read")
    columns = columns_of(rows)
    normalized = descriptors.of_unit_length()
    height, width = describer.input_size
    facts = {
        "model": describer.name,
        "model_sha256": describer.sha256,
        "normalized": normalized,
        "height": height,
        "width": width,
        "chunk": describer.chunk,
        "flip_test": config.flip_test,
        "camera_norm": statistics is not None,
        "tracklets": config.tracklets,
        "root": str(source.root),
        "command": command_line(PROG),
    }
    cameras = config.camera_statistics or statistics_file(config.out)
    write_descriptors(config.out, descriptors, columns, facts)
    return {
        "file": str(config.out),
        "rows": len(rows),
        "images": int(columns["frames"].sum()),
        "descriptor_size": describer.descriptor_size,
        "normalized": normalized,
        "distance": DISTANCES[normalized],
        "model": {"name": describer.name, "file": str(describer.file), "sha256": describer.sha256},
        "network": {"height": height, "width": width, "chunk": describer.chunk, "flip_test": config.flip_test},
        "camera_norm": None if statistics is None else camera_record(statistics, source, cameras),
        "root": str(source.root),
        "labels": {"persons": known("person", rows), "cameras": known("camera", rows), "from": source.labels},
        "batch_size": config.batch_size or describer.batch_size,
        "skipped": skipped,
    }


def known(field: str, rows: list[Row]) -> int:
    """Number of rows of which `field` is known."""
    return sum(bool(getattr(row, field)) for row in rows)


def data_fingerprint(source: Source) -> str:
    """SHA-256 over the names and sizes of all images in order; it does not depend on the folder."""
    return sha256_of_lines(
        f"{frame} {(source.root / frame).stat().st_size}" for row in source.rows for frame in row.frames
    )


def in_words(source: Source, config: ExtractConfig) -> str:
    """The source as a line: number of rows, and of how many rows person and camera are known."""
    rows = list(source.rows)
    images = sum(len(row.frames) for row in rows)
    size = f"{len(rows)} tracklets of {images} images" if config.tracklets else f"{images} images"
    labels = [f"{field}s of {number}" for field in ("person", "camera") if (number := known(field, rows))]
    origin = f"{' and '.join(labels)} are known from {source.labels}" if labels else "persons and cameras: not known"
    passed = passed_over({file.parent for row in rows for file in source.files(row)})
    others = f"\nnote: passed over {words_of(passed)}" if passed else ""
    return f"{config.source}: {size}; {origin}{others}"


def summary(record: dict[str, Any], out: Path) -> str:
    """The result as a line."""
    rate = record["images_per_second"]
    left = f"; {len(record['skipped'])} left out, see {record_file(out)}" if record["skipped"] else ""
    return (
        f"{out}: {record['rows']} descriptors of {record['descriptor_size']} numbers"
        f"{f', {rate} images per second' if rate else ''}{left}. Distance: {record['distance']}"
    )
