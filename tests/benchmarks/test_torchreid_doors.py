"""The comparison with torchreid: cases and differences without it; training and ranking where it is importable."""

import json
import sys

import numpy as np
import pytest

from alignnet_common.errors import UserError
from benchmarks import torchreid_doors as doors


def naive_rank(
    distances, query_pids, gallery_pids, query_cams, gallery_cams, max_rank=50, use_cython=False, camera=True
):
    """CMC and mAP by their definitions. With `camera`, the query's own person and camera are ignored."""
    firsts, precisions = [], []
    for row, pid, cam in zip(distances, query_pids, query_cams, strict=True):
        order = np.argsort(row)
        ignored = (gallery_pids == pid) & (gallery_cams == cam) & camera
        right = (gallery_pids == pid)[order][~ignored[order]]
        if right.any():
            places = np.flatnonzero(right) + 1
            firsts.append(places[0])
            precisions.append(np.mean(np.arange(1, len(places) + 1) / places))
    return np.array([np.mean(np.array(firsts) <= k) for k in range(1, max_rank + 1)]), float(np.mean(precisions))


@pytest.mark.parametrize("name", doors.cases())
def test_rankings_are_compared_by_cmc_and_map(name):
    case = doors.cases()[name]
    found = doors.difference(naive_rank, case, built=True)
    assert found["CMC"] == found["CMC in Cython"] == 0
    assert found["mAP"] < 1e-12
    assert found["our mAP"] < 0.1 or "structured" in name


def test_another_rule_is_a_difference():
    def of_all_cameras(*arrays, **options):
        return naive_rank(*arrays, **options, camera=False)

    found = doors.difference(of_all_cameras, doors.cases()["Market-1501, structured features"])
    assert found["CMC"] > 0.01
    assert found["mAP"] > 0.01


def test_without_torchreid_the_command_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchreid", None)
    with pytest.raises(UserError, match="put a clone of KaiyangZhou/deep-person-reid on PYTHONPATH"):
        doors.compare(doors.DoorsConfig())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_torchreid_trains_on_the_sample_and_ranks_alike(tmp_path):
    pytest.importorskip("torchreid", reason="needs a clone of KaiyangZhou/deep-person-reid on PYTHONPATH")
    doors.compare(doors.DoorsConfig(json=tmp_path / "d.json"))
    result = json.loads((tmp_path / "d.json").read_text())
    assert result["trained"]["tracklets"] == {"train": 24, "query": 12, "gallery": 12}
    assert result["trained"]["difference"]["CMC"] == 0
    assert result["trained"]["difference"]["mAP"] < 1e-6  # its extension computes in float32
    for found in result["rankings"].values():
        assert found["CMC"] == 0
        assert found["mAP"] < 1e-15
