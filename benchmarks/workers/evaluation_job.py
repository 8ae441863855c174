"""One measurement of `benchmarks.evaluate` in a process of its own.

    python evaluation_job.py JOB INPUTS RESULT REPEATS [CLONE]

prints one line of JSON: the least seconds of REPEATS runs, by the clock and of the processor (which other work on the
machine does not lengthen), the process's peak memory in MiB, and what it was before the first.
Needs NumPy alone, so that it runs in an environment of the peers' too; what is measured is imported by its job.
"""

import importlib.util
import json
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

LABELS = ("query_pids", "gallery_pids", "query_cams", "gallery_cams")


def measured(job: str, inputs: Path, result: Path, repeats: int, clone: Path | None) -> dict[str, Any]:
    """Do a job on the arrays in the folder `inputs`, save what it gives, and say what that cost."""
    if job == "inputs":
        write_inputs(inputs)
        return {}
    work = WORK[job](inputs, clone)
    before, seconds, cpu_seconds = peak_mib(), [], []
    for _ in range(repeats):
        started, cpu_started = time.perf_counter(), time.process_time()
        found = work()
        seconds.append(time.perf_counter() - started)
        cpu_seconds.append(time.process_time() - cpu_started)
    cost = {
        "seconds": min(seconds),
        "cpu_seconds": min(cpu_seconds),
        "peak_mib": peak_mib(),
        "peak_mib_before": before,
        "numpy": np.__version__,
    }
    np.save(result, found)
    return cost


def write_inputs(folder: Path) -> None:
    """Distances between all of the features in a folder, as float32."""
    from reid.metrics.distances import euclidean_distances

    for name, sides in {"qg": ("query", "gallery"), "qq": ("query",) * 2, "gg": ("gallery",) * 2}.items():
        features = (np.load(folder / f"{side}_features.npy") for side in sides)
        np.save(folder / f"{name}.npy", euclidean_distances(*features))


def our_ranking(inputs: Path, _: Path | None) -> Callable[[], np.ndarray]:
    """CMC and mAP by `reid.metrics.ranking`."""
    from reid.metrics import evaluate_protocol

    distances, query_pids, gallery_pids, query_cams, gallery_cams = loaded(inputs, "qg", *LABELS)

    def work() -> np.ndarray:
        ranking = evaluate_protocol(distances, query_pids, gallery_pids, query_cams, gallery_cams)
        return np.append(ranking.cmc, ranking.mAP)

    return work


def torchreid_python(inputs: Path, clone: Path | None) -> Callable[[], np.ndarray]:
    """CMC and mAP by torchreid's rank.py."""
    assert clone is not None
    peer = module_at(clone / "torchreid" / "metrics" / "rank.py")
    arrays = loaded(inputs, "qg", *LABELS)
    return lambda: joined(peer.evaluate_rank(*arrays, max_rank=50, use_cython=False))


def torchreid_cython(inputs: Path, clone: Path | None) -> Callable[[], np.ndarray]:
    """CMC and mAP by torchreid's rank_cy, where it has been built."""
    assert clone is not None
    peer = module_at(next((clone / "torchreid" / "metrics" / "rank_cylib").glob("rank_cy*.so")))
    arrays = loaded(inputs, "qg", *LABELS)
    return lambda: joined(peer.evaluate_cy(*arrays, 50))


def our_re_ranking(inputs: Path, _: Path | None) -> Callable[[], np.ndarray]:
    """Re-ranking by `reid.metrics.reranking` from the three matrices of distances."""
    from reid.metrics.reranking import re_ranked

    query_gallery, query_query, gallery_gallery = loaded(inputs, "qg", "qq", "gg")
    return lambda: re_ranked(query_gallery, query_query, gallery_gallery)


def our_re_ranking_of_features(inputs: Path, _: Path | None) -> Callable[[], np.ndarray]:
    """Re-ranking by `reid.metrics.reranking` from features, their distances included."""
    from reid.metrics.reranking import re_ranked_features

    query, gallery = loaded(inputs, "query_features", "gallery_features")
    return lambda: re_ranked_features(query, gallery)


def reference_re_ranking(inputs: Path, clone: Path | None) -> Callable[[], np.ndarray]:
    """Re-ranking by the reference Python from the three matrices of distances."""
    assert clone is not None
    peer = module_at(clone / "python-version" / "re_ranking_ranklist.py")
    arrays = loaded(inputs, "qg", "qq", "gg")
    return lambda: np.asarray(peer.re_ranking(*arrays))


WORK = {
    "our-ranking": our_ranking,
    "torchreid-python": torchreid_python,
    "torchreid-cython": torchreid_cython,
    "our-re-ranking": our_re_ranking,
    "our-re-ranking-of-features": our_re_ranking_of_features,
    "reference-re-ranking": reference_re_ranking,
}


def loaded(inputs: Path, *names: str) -> list[np.ndarray]:
    """Arrays of a folder, in memory."""
    return [np.load(inputs / f"{name}.npy") for name in names]


def joined(found: tuple[np.ndarray, float]) -> np.ndarray:
    """CMC and mAP as one list."""
    return np.append(np.asarray(found[0], dtype=np.float64), found[1])


def module_at(path: Path) -> ModuleType:
    """A module from its file."""
    spec = importlib.util.spec_from_file_location(path.name.split(".")[0], path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rank.py laments that rank_cy is not installed
        spec.loader.exec_module(module)
    return module


def peak_mib() -> float:
    """Peak resident memory of this process so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    clone = Path(sys.argv[5]) if len(sys.argv) > 5 else None
    print(json.dumps(measured(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), clone)))
