"""An index of tracklets, in which reid search finds persons.

    python -m reid.index tracks --index index               adds what is new, removes what is gone
    python -m reid.index --index index --forget yard/0012   removes a tracklet for good

Every tracklet has one descriptor. After an interruption, repeat the command: finished blocks of some hundred tracklets
are kept.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from alignnet_common.cli.progress import progress
from alignnet_common.errors import UserError
from alignnet_common.files import write_json
from alignnet_common.options import save_config
from alignnet_common.run_record import command_line, now, run_record
from reid.configs.video.index import IndexConfig
from reid.evaluation.camera_statistics import CameraStatistics, read_statistics, write_statistics
from reid.index.calibration import write_tables
from reid.index.describe import Workforce, parts_of, workforce
from reid.index.plan import PlannedBlock, key_of, planned_blocks
from reid.index.store import STATISTICS, Store
from reid.inference.describer import Describer, load
from reid.runtime.device import device_name
from reid.runtime.run_dir import CONFIG, RESULT

PROG = "python -m reid.index"


@dataclass(frozen=True)
class Changes:
    """Numbers of tracklets."""

    added: int
    removed: int
    described: int
    """Of those added; the others were known from a block that has changed."""


def index(config: IndexConfig) -> None:
    """Bring an index up to date, and write its result.json.

    Raises UserError on a folder without tracklets, an unreadable image, other options than the index was made with, and
    where another process writes to the index.
    """
    started, clock = now(), time.perf_counter()
    store = Store(config.index)
    if not config.tracks:
        store.facts()  # an index that is not there is not made
    with store.writing():
        store.clear_remains()
        forget(store, config.forget)
        changes, device = update(store, config)
        write_tables(store)
    record: dict[str, Any] = summary(store)
    print(in_words(config.index, changes, record))
    save_config(config, config.index / CONFIG)
    seconds = time.perf_counter() - clock
    write_json(
        config.index / RESULT,
        record | vars(changes) | run_record(command_line(PROG), config, device, started, seconds),
    )


def update(store: Store, config: IndexConfig) -> tuple[Changes, str]:
    """Add the blocks that are missing, and remove those that are no longer planned; also returns the device."""
    forgotten = store.forgotten()
    there = set(store.block_keys())
    wanted, missing = set[str](), list[PlannedBlock]()
    for folder in config.tracks:
        for block in planned_blocks(folder, forgotten):
            if block.key not in there and block.key not in wanted:
                missing.append(block)
            wanted.add(block.key)
    ours = {str(folder.absolute()) for folder in (*config.tracks, *config.remove)}
    unknown = next((folder for folder in config.remove if str(folder.absolute()) not in sources(store)), None)
    if unknown is not None:
        raise UserError(f"--remove {unknown}: no tracklet in {config.index} is from this folder")
    old = sorted(key for key in there - wanted if store.block(key).source in ours)
    described, device = 0, "none"
    if missing or not there:
        # The machines of a cluster have devices of their own.
        describer = load(config.weights, config.device if config.address is None else "cpu")
        device = device_name(describer.device) if config.address is None else config.device
        store.begin(facts_of(describer, config))
        with workforce(config, describer) as force:
            statistics = statistics_of(store, describer, missing, force) if config.camera_norm else None
            described = add_blocks(store, missing, places_by_digest(store, old), force, statistics, config)
    before = set(places_by_digest(store, old))
    after = {planned.row.digest for block in missing for planned in block.tracklets}
    store.remove(old)
    return Changes(len(after - before), len(before - after), described), device


def add_blocks(
    store: Store,
    blocks: Sequence[PlannedBlock],
    known: Mapping[str, tuple[str, int]],
    force: Workforce,
    statistics: CameraStatistics | None,
    config: IndexConfig,
) -> int:
    """Describe and write blocks, each when all of it is described; returns the number of tracklets that were described.

    known -- block and place of tracklets by digest, which are not described again.
    """
    new = {block.key: [each for each in block.tracklets if each.row.digest not in known] for block in blocks}
    by_key = {block.key: block for block in blocks}
    parts = [part for key, some in new.items() for part in parts_of(key, some, config.frames, force.part)]
    left = {key: len(some) for key, some in new.items()}
    found: dict[str, dict[str, tuple[Any, bytes]]] = {key: {} for key in new}
    with progress(
        quiet_logs=True, total=sum(len(block.tracklets) for block in blocks), desc="index", unit="tracklet"
    ) as bar:
        for block in blocks:
            if not new[block.key]:
                add_block(store, block, known, {})
                bar.update(len(block.tracklets))
        for made in force.described(parts, statistics) if parts else ():
            key = made.part.key
            found[key] |= zip(made.part.digests, zip(made.vectors, made.thumbnails, strict=True), strict=True)
            bar.update(len(made.vectors))
            left[key] -= len(made.vectors)
            if not left[key]:
                add_block(store, by_key[key], known, found.pop(key))
                bar.update(len(by_key[key].tracklets) - len(new[key]))
    return sum(map(len, new.values()))


def add_block(
    store: Store,
    block: PlannedBlock,
    known: Mapping[str, tuple[str, int]],
    described: Mapping[str, tuple[Any, bytes]],
) -> None:
    """Write a block. described -- descriptors and pictures by digest of the tracklets that are not `known`."""
    digests = [each.row.digest for each in block.tracklets]
    again = taken_over(store, [known[digest] for digest in digests if digest in known])
    pairs = [again[known[digest]] if digest in known else described[digest] for digest in digests]
    vectors, pictures = zip(*pairs, strict=True)
    store.add(block.key, [each.row for each in block.tracklets], np.stack(vectors), pictures)


def statistics_of(
    store: Store, describer: Describer, blocks: Sequence[PlannedBlock], force: Workforce
) -> CameraStatistics | None:
    """The statistics of cameras: those of the index, and those of new cameras, which are measured and kept."""
    path = store.folder / STATISTICS
    known = read_statistics(path, describer.sha256) if path.is_file() else None
    seen = set() if known is None else {*known.values, *known.too_few}
    images: dict[str, list[str]] = {}
    for block in blocks:
        for each in block.tracklets:
            if each.row.camera not in seen:
                images.setdefault(each.row.camera, []).extend(map(str, each.frames))
    if images:
        new = force.measured(images).with_directions()
        if known is not None and not known.centred:
            new = new.not_centred()  # descriptors that are there could not be compared with centred ones
        known = new if known is None else known.joined(new)
        write_statistics(path, known, "")
    return known


def places_by_digest(store: Store, keys: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Block and place in it of the tracklets of blocks, by digest."""
    return {row.digest: (key, place) for key in keys for place, row in enumerate(store.block(key).rows)}


def taken_over(store: Store, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], tuple[Any, bytes]]:
    """Vectors (D,) and pictures of tracklets at places of blocks."""
    found: dict[tuple[str, int], tuple[Any, bytes]] = {}
    for key, some in groupby(sorted(places), key=itemgetter(0)):
        block = store.block(key)
        vectors = block.vectors()
        for _, place in some:
            found[key, place] = np.array(vectors[place]), block.thumbnail(block.rows[place])
    return found


def forget(store: Store, names: Sequence[str]) -> None:
    """Take tracklets CAMERA/TRACK out, for good. Raises UserError where one is not in the index."""
    asked = set(names)
    cameras = {name.split("/")[0] for name in asked}
    blocks = [(key, store.block(key)) for key in store.block_keys()] if asked else []
    blocks = [(key, block) for key, block in blocks if block.camera in cameras]
    found = {row.name for _, block in blocks for row in block.rows} & asked
    if found != asked:
        raise UserError(f"--forget {min(asked - found)}: not in {store.folder}")
    store.forget(row.digest for _, block in blocks for row in block.rows if row.name in asked)
    for key, block in blocks:
        kept = [place for place, row in enumerate(block.rows) if row.name not in asked]
        if len(kept) == len(block.rows):
            continue
        if kept:
            rows = [block.rows[place] for place in kept]
            pictures = [block.thumbnail(row) for row in rows]
            store.add(key_of(rows), rows, np.array(block.vectors())[kept], pictures)
        store.remove([key])


def facts_of(describer: Describer, config: IndexConfig) -> dict[str, Any]:
    """What all descriptors of an index have in common."""
    height, width = describer.input_size
    return {
        "model": describer.name,
        "model_sha256": describer.sha256,
        "height": height,
        "width": width,
        "chunk": describer.chunk,
        "frames": config.frames,
        "descriptor_size": describer.descriptor_size,
        "camera_norm": config.camera_norm,
    }


def sources(store: Store) -> set[str]:
    """The folders whose tracklets are in the index."""
    return {block.source for block in store.blocks()}


def summary(store: Store) -> dict[str, Any]:
    """Numbers of tracklets by camera, folders, and bytes of the index."""
    cameras: dict[str, int] = {}
    for block in store.blocks():
        cameras[block.camera] = cameras.get(block.camera, 0) + len(block)
    size = sum(path.stat().st_size for path in store.folder.rglob("*") if path.is_file())
    return {
        "tracklets": sum(cameras.values()),
        "cameras": dict(sorted(cameras.items())),
        "sources": sorted(sources(store)),
        "bytes": size,
    }


def in_words(folder: Path, changes: Changes, record: Mapping[str, Any]) -> str:
    """The outcome in two lines."""
    cameras = ", ".join(f"{name} ({count})" for name, count in record["cameras"].items())
    return (
        f"{folder}: {record['tracklets']} tracklets, {changes.added} added, {changes.removed} removed, "
        f"{record['bytes'] / 2**20:.1f} MiB\ncameras: {cameras or 'none'}"
    )
