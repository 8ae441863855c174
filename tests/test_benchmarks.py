"""The measurements of benchmarks/ on a small case: they run, and say what they cost."""

import numpy as np
import pytest

from benchmarks.one_job import LABELS, measured


@pytest.mark.parametrize("job", ["our-ranking", "our-re-ranking", "our-re-ranking-of-features"])
def test_our_jobs(tmp_path, job):
    rng = np.random.default_rng(0)
    for side, rows in (("query", 20), ("gallery", 50)):
        np.save(tmp_path / f"{side}_features.npy", rng.normal(size=(rows, 8)))
    for name, rows in zip(LABELS, (20, 50, 20, 50), strict=True):
        np.save(tmp_path / f"{name}.npy", rng.integers(1, 6, rows))
    measured("inputs", tmp_path, tmp_path / "none.npy", 1, None)
    cost = measured(job, tmp_path, tmp_path / "result.npy", 2, None)
    assert cost["seconds"] > 0
    assert cost["peak_mib"] >= cost["peak_mib_before"] > 0
    assert np.load(tmp_path / "result.npy").size == (51 if job == "our-ranking" else 20 * 50)
