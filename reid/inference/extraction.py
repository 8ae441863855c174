"""The steps of reid extract: find the images, describe them block by block, write the result and its record."""

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from alignnet_common.arrays import Singles
from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_lines, write_json
from alignnet_common.run_record import command_line, now, run_record
from reid.configs.extract import ExtractConfig
from reid.data.tracklets.frames import UnreadableImageError
from reid.inference.describer import Describer, load
from reid.inference.output import Descriptors, check_format, columns_of, write_descriptors
from reid.inference.partial_rows import PartialRows, file_hashes, partial_rows
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
    made_of = rows_made_of(describer, config)
    files = file_hashes(source)
    identity = fingerprint(made_of, files, source, config)
    if is_complete(config.out, identity):
        print(f"{config.out} is complete already; remove it to describe the images again")
        return
    print(in_words(source, config))
    with partial_rows(config.out, made_of, files, describer.descriptor_size) as partial:
        if not config.skip_broken:
            partial.cut_at(LEFT_OUT)
        first = partial.done
        seconds = describe_rows(describer, source, partial, config)
        record = write_result(config, source, describer, Descriptors(partial.rows(), config.normalize))
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


def rows_made_of(describer: Describer, config: ExtractConfig) -> dict[str, Any]:
    """What a row depends on beside its images: weights, sizes, options, and the kind of device."""
    height, width = describer.input_size
    return {
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
        digest.update("\t".join((row.path, row.person, row.camera, row.track)).encode())
    return digest.hexdigest()


def is_complete(out: Path, identity: str) -> bool:
    """Whether the result and a record with this fingerprint are there."""
    try:
        found = json.loads(record_file(out).read_text())
    except (OSError, ValueError):
        return False
    return out.is_file() and isinstance(found, dict) and found.get("fingerprint") == identity


def describe_rows(describer: Describer, source: Source, partial: PartialRows, config: ExtractConfig) -> float:
    """Append the rows that are missing; returns the seconds that it took.

    Raises UserError on an unreadable image, and on a descriptor that is not finite.
    """
    clock = time.perf_counter()
    unit = "tracklet" if config.tracklets else "image"
    rows = source.rows
    with tqdm(
        total=len(rows), initial=partial.done, desc="descriptors", unit=unit, disable=True if config.tracklets else None
    ) as bar:
        try:
            for block in blocks(describer, source, partial.done, config):
                check_finite(
                    block, config, [source.root / row.path for row in rows[partial.done : partial.done + len(block)]]
                )
                partial.append(block)
                bar.update(len(block))
        except UnreadableImageError as broken:
            raise UserError(f"{broken}, or leave it out with --skip-broken") from broken
    return time.perf_counter() - clock


def blocks(describer: Describer, source: Source, first: int, config: ExtractConfig) -> Iterator[Singles]:
    """Rows (B, D) of the source from number `first` on."""
    files = [[str(source.root / frame) for frame in row.frames] for row in source.rows[first:]]
    options = config.batch_size, config.workers, config.skip_broken
    if config.tracklets:
        yield from (row[None] for row in describer.tracklet_rows(files, *options))
    else:
        yield from describer.image_rows([file for (file,) in files], *options)


def check_finite(block: Singles, config: ExtractConfig, paths: list[Path]) -> None:
    """Raise UserError where a descriptor (a row of (B, D)) is not finite and not one that is left out."""
    fine = np.isfinite(block).all(axis=1)
    if config.skip_broken:
        fine |= (block == LEFT_OUT).all(axis=1)
    if not fine.all():
        raise UserError(f"{paths[int(np.argmin(fine))]}: the network's descriptor is not finite: train it again")


def write_result(
    config: ExtractConfig, source: Source, describer: Describer, descriptors: Descriptors
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
        "tracklets": config.tracklets,
        "root": str(source.root),
        "command": command_line(PROG),
    }
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
    return f"{config.source}: {size}; {origin}"


def summary(record: dict[str, Any], out: Path) -> str:
    """The result as a line."""
    rate = record["images_per_second"]
    left = f"; {len(record['skipped'])} left out, see {record_file(out)}" if record["skipped"] else ""
    return (
        f"{out}: {record['rows']} descriptors of {record['descriptor_size']} numbers"
        f"{f', {rate} images per second' if rate else ''}{left}. Distance: {record['distance']}"
    )
