"""benchmarks.search: the comparison of estimated and true false match rates."""

import csv
from pathlib import Path

import numpy as np

from benchmarks.search.false_matches import FalseMatchConfig, compared, measure


def descriptors(persons, rng):
    centres = rng.normal(size=(persons, 32))
    rows = np.concatenate([centres, centres]) + 0.5 * rng.normal(size=(2 * persons, 32))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_estimates_are_close_to_the_truth_on_people_with_noise():
    rows = descriptors(150, np.random.default_rng(0))
    cameras = np.repeat(["c1", "c2"], 150)
    (found,) = compared(rows, cameras, np.tile(np.arange(150), 2))
    assert found["cameras"] == "c1, c2" and (found["pairs"], found["of one person"]) == (22_500, 150)
    assert 0.5 < found["estimate / 0.01"] < 2 and 0.5 < found["estimate / 0.001"] < 2
    assert found["found at 0.01"] > 0.9


def test_the_benchmark_describes_tracklets_without_persons_and_writes_its_table(tmp_path, capsys):
    images = tmp_path / "market/bounding_box_train"
    images.mkdir(parents=True)
    for person in range(1, 31):
        for camera in (1, 2):
            (images / f"{person:04d}_c{camera}s1_{person:06d}_01.jpg").touch()

    def start(module, words):
        assert module == "reid.extract" and "--camera-norm" in words
        out = Path(next(word for word in words if word.startswith("--out=")).removeprefix("--out="))
        with (tmp_path / "out/truth.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        order = np.array([int(row["person"]) - 1 + 30 * (row["camera"] == "c2") for row in rows])
        np.savez(
            out,
            features=descriptors(30, np.random.default_rng(0))[order],
            cameras=[row["camera"] for row in rows],
            tracks=[int(row["track"]) for row in rows],
        )

    measure(FalseMatchConfig(tmp_path / "market", tmp_path / "out"), start)
    assert "c1, c2" in capsys.readouterr().out and (tmp_path / "out/false-matches.md").is_file()
