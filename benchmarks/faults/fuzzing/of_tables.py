"""Readers of tables, splits, features and pictures."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from alignnet_common.files import asset, write_json
from benchmarks.faults.fuzzing.reader import Reader


def _pictures(folder: Path) -> None:
    """camera/person/frames of two cameras, four persons, two frames each."""
    for camera in ("cam_a", "cam_b"):
        for person in sorted((asset("sample/multi_shot") / camera).iterdir())[:4]:
            target = folder / camera / person.name
            target.mkdir(parents=True)
            for frame in sorted(person.glob("*.png"))[:2]:
                shutil.copy(frame, target)


def _own_table(folder: Path) -> None:
    _pictures(folder)
    rows = [path.relative_to(folder) for path in sorted(folder.rglob("*.png"))]
    lines = [f"{row.as_posix()},{row.parts[1]},{row.parts[0]},1,{n}" for n, row in enumerate(rows)]
    (folder / "own.csv").write_text("\n".join(["path,person,camera,sequence,time", *lines]) + "\n")
    lines = [f"{row.as_posix()},{row.parts[0]},{row.parts[1]},{n},{n + 1}" for n, row in enumerate(rows)]
    (folder / "list.csv").write_text("\n".join(["path,camera,track,start,end", *lines]) + "\n")
    persons = sorted({row.parts[1] for row in rows})
    write_json(
        folder / "splits.json",
        [{"train": persons[:2], "test": persons[2:]}, {"train": persons[2:], "test": persons[:2]}],
    )


def _read_own_table(folder: Path) -> None:
    from reid.data.datasets.folder import folder_splits
    from reid.inference.sources import find_source

    folder_splits(folder / "own.csv", "published", 0)
    for tracklets in (True, False):
        find_source(str(folder / "list.csv"), tracklets)


def _published(folder: Path) -> None:
    from scipy import io as matlab

    rng = np.random.default_rng(0)
    matlab.savemat(folder / "splits.mat", {"ls_set": np.array([rng.permutation(8) + 1 for _ in range(10)], float)})
    info = folder / "info"
    info.mkdir()
    for side in ("train", "test"):
        names = [
            f"{pid:04d}C{camera}T0001F{frame:03d}.jpg" for pid in (1, 2, 3) for camera in (1, 2) for frame in (1, 2)
        ]
        table = [[2 * row + 1, 2 * row + 2, row // 2 + 1, row % 2 + 1] for row in range(6)]
        key = f"track_{side}_info"
        matlab.savemat(
            info / f"tracks_{side}_info.mat",
            {"x": "text", key: np.array(table, np.int32)},
            do_compression=side == "test",
        )
        (info / f"{side}_name.txt").write_text("\n".join(names) + "\n")
    matlab.savemat(info / "query_IDX.mat", {"query_IDX": np.array([[1, 4]], np.uint16)})


def _read_published(folder: Path) -> None:
    from reid.data.datasets import mars
    from reid.data.datasets.splits import read_mat_splits

    read_mat_splits(folder / "splits.mat", [f"p{number}" for number in range(8)], "persons")
    info = folder / "info"
    for side in ("train", "test"):
        table = mars.read_table(info, side)
        mars.tracklets_of(table, mars.read_names(info / f"{side}_name.txt"), folder, side)
    mars.read_queries(info / "query_IDX.mat", table)


def _features(folder: Path) -> None:

    rng = np.random.default_rng(0)
    features = rng.normal(size=(12, 8)).astype(np.float32)
    people = np.array([str(number % 4 + 1) for number in range(12)])
    cameras = np.array([f"c{number // 6}" for number in range(12)])
    facts: dict[str, Any] = {
        "model_sha256": "ab" * 32,
        "normalized": True,
        "height": 128,
        "width": 64,
        "flip_test": False,
        "model": "small",
        "root": "x",
    }
    paths = np.array([f"{number}.png" for number in range(12)])
    np.savez(folder / "extracted.npz", features=features, persons=people, cameras=cameras, paths=paths, **facts)
    sides = {"query": slice(0, 6), "gallery": slice(6, 12)}
    arrays: dict[str, Any] = {f"{side}_features": features[some] for side, some in sides.items()}
    arrays |= {f"{side}_pids": np.arange(12)[some] % 4 for side, some in sides.items()}
    arrays |= {f"{side}_cams": np.arange(12)[some] // 6 for side, some in sides.items()}
    np.savez_compressed(folder / "own.npz", **arrays)
    np.save(folder / "features-1.npy", features)
    _parquet(folder / "extracted.parquet", features, people, cameras, paths, facts)


def _parquet(
    path: Path, features: np.ndarray, people: np.ndarray, cameras: np.ndarray, paths: np.ndarray, facts: dict
) -> None:
    import json

    import pyarrow
    from pyarrow import parquet

    columns = {
        "features": pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(features.ravel()), features.shape[1]),
        "persons": people.tolist(),
        "cameras": cameras.tolist(),
        "paths": paths.tolist(),
    }
    table = pyarrow.table(columns).replace_schema_metadata({name: json.dumps(value) for name, value in facts.items()})
    parquet.write_table(table, path)


def _read_features(path: Path) -> None:
    from reid.evaluation.descriptor_cache import read_rows
    from reid.evaluation.extracted_features import is_extracted, query_and_gallery
    from reid.evaluation.features_file import read_features

    if path.suffix == ".npy":
        read_rows(path, 12)
    elif path.name == "own.npz":
        read_features(path)
    else:
        is_extracted(path)
        query_and_gallery(path, None)


def _images(folder: Path) -> None:
    from PIL import Image

    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 24, 3), dtype=np.uint8))
    kinds: dict[str, dict[str, Any]] = {kind: {} for kind in ("png", "jpg", "bmp", "webp", "ppm")}
    kinds["tif"] = {"compression": "tiff_lzw"}
    for kind, options in kinds.items():
        exif = Image.Exif()
        exif[0x0112] = 6
        given = options | ({"exif": exif} if kind in ("png", "jpg", "webp") else {})
        picture.save(folder / f"1.{kind}", **given)
    picture.convert("P").save(folder / "2.png")
    picture.convert("L").save(folder / "2.pgm")
    picture.convert("1").save(folder / "2.tif", compression="group4")


def _read_image(path: Path) -> None:
    from reid.data.tracklets.frames import read_frame

    read_frame(path)


def _boxes(folder: Path) -> None:
    rows = [f"{frame},{track},{20 * track},10,40,120,0.9,1,1" for frame in range(1, 6) for track in (1, 2)]
    (folder / "mot.txt").write_text("\n".join(rows) + "\n")
    (folder / "yolo").mkdir()
    for frame in range(1, 4):
        (folder / "yolo" / f"a_{frame:06d}.txt").write_text(
            "0 0.5 0.5 0.25 0.75 0.9\n1 0.2 0.2 0.1 0.1 0.3\n0 0.1 0.5 0.2 0.7\n"
        )


def _read_boxes(folder: Path) -> None:
    from reid.tracks.boxes import read_boxes

    for path in (folder / "mot.txt", folder / "yolo"):
        for boxes in read_boxes(path, 240, 320).values():
            boxes.within(240, 320)


def _annotations(folder: Path) -> None:
    source = asset("sample")
    for clip in ("cam_a/person_0001", "cam_b/person_0001"):
        shutil.copytree(source / "multi_shot" / clip, folder / "multi_shot" / clip)
        (folder / "annotations" / clip).parent.mkdir(parents=True)
        shutil.copy(source / "annotations" / f"{clip}.npz", folder / "annotations" / f"{clip}.npz")
    lines = [line for line in (source / "manifest.jsonl").read_text().splitlines() if "person_0001" in line]
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n")


def _read_annotations(folder: Path) -> None:
    from reid.data.datasets import annotations
    from reid.data.datasets.synthetic import read_clips

    for clip in read_clips(folder):
        annotations.read_joints(clip)
        annotations.read_masks(clip)
        annotations.read_part_masks(clip)
        annotations.read_visible_ratios(clip)
        annotations.read_bodies(clip)


READERS = (
    Reader("table-csv", _own_table, _read_own_table, ("*.csv", "splits.json")),
    Reader("mars-ilids", _published, _read_published),
    Reader("features", _features, _read_features, alone=True),
    Reader("images", _images, _read_image, alone=True, memory=700),
    Reader("boxes", _boxes, _read_boxes),
    Reader("annotations", _annotations, _read_annotations, ("annotations/**/*.npz", "manifest.jsonl")),
)
