"""The three protocols against naive implementations, and on the real MARS tables."""

import importlib.util
import os
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from alignnet_common.files import PROJECT_ROOT
from reid.metrics import Labels, Ranking, evaluate_protocol, rank_features
from reid.metrics.average_precision import inverse_negative_penalty, trapezoidal_average_precision
from reid.metrics.chance import chance_ranking
from reid.metrics.distances import euclidean_distances
from reid.metrics.protocols import Protocol
from reid.metrics.reranking import re_ranked
from reid.metrics.score_normalisation import normalised

MARS = Path(os.environ.get("REID_DATA", PROJECT_ROOT.parent / "shared" / "data")) / "mars_info"
PEER = Path(os.environ.get("TORCHREID", "torchreid-is-not-here")) / "torchreid" / "metrics" / "rank.py"
PROTOCOLS: tuple[Protocol, ...] = ("step", "torchreid", "official")

Case = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def random_case(seed: int) -> Case:
    """Distances, labels and query_index: queries are in a gallery of few persons, with junk, distractors and ties."""
    rng = np.random.default_rng(seed)
    gallery, queries = int(rng.integers(1, 60)), int(rng.integers(1, 90))
    pids, cams = rng.integers(-1, rng.integers(2, 9), gallery), rng.integers(1, rng.integers(2, 5), gallery)
    rows = rng.integers(0, gallery // 3 + 1, queries)
    distances = rng.random((queries, gallery))
    if seed % 2:
        distances = np.round(distances * rng.integers(1, 6))  # ties
    if seed % 5 == 0:
        distances = distances[:, rng.integers(0, gallery, gallery)]  # duplicates
    return distances.astype(rng.choice([np.float32, np.float64])), pids[rows], pids, cams[rows], cams, rows


def plain(case: Case, protocol: Protocol, max_rank: int = 20) -> tuple[list[float], float, float, int]:
    """CMC, mAP, mINP and valid queries, from each query's sorted list and its precision-recall curve."""
    distances, query_pids, gallery_pids, query_cams, gallery_cams, rows = case
    cmcs, areas, penalties, valid = [], [], [], 0
    for q in range(len(query_pids)):
        matches = []
        for g in np.argsort(distances[q], kind="stable"):
            same = gallery_pids[g] == query_pids[q]
            if gallery_pids[g] == -1 or (same and gallery_cams[g] == query_cams[q]):
                continue
            if protocol == "torchreid" and g in rows:
                continue
            matches.append(bool(same and query_pids[q] > 0))
        if not any(matches):
            if protocol == "official":
                cmcs.append([0.0] * max_rank)
                areas.append(0.0)
                penalties.append(0.0)
            continue
        valid += 1
        hits, area, recall_before, precision_before = 0, 0.0, 0.0, 1.0
        for place, match in enumerate(matches, 1):
            hits += match
            recall, precision = hits / sum(matches), hits / place
            height = (precision_before + precision) / 2 if protocol == "official" else precision
            area += (recall - recall_before) * height
            recall_before, precision_before = recall, precision
        first = matches.index(True) + 1
        cmcs.append([float(k >= first) for k in range(1, max_rank + 1)])
        areas.append(area)
        penalties.append(sum(matches) / (len(matches) - matches[::-1].index(True)))
    if not valid:
        raise ZeroDivisionError
    cmc = [sum(column) / len(cmcs) for column in zip(*cmcs, strict=True)]
    return cmc, sum(areas) / len(areas), sum(penalties) / len(penalties), valid


def evaluated(case: Case, protocol: Protocol, max_rank: int = 20) -> Ranking:
    *known, rows = case
    return evaluate_protocol(*known, protocol=protocol, query_index=rows, max_rank=max_rank)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("seed", range(60))
def test_agrees_with_the_naive_implementation(seed: int, protocol: Protocol) -> None:
    case = random_case(seed)
    try:
        cmc, precision, penalty, valid = plain(case, protocol)
    except ZeroDivisionError:
        with pytest.raises(ValueError, match="has a positive"):
            evaluated(case, protocol)
        return
    found = evaluated(case, protocol)
    assert found.cmc == pytest.approx(cmc, abs=1e-12)
    assert found.mAP == pytest.approx(precision, abs=1e-12)
    assert found.mINP == pytest.approx(penalty, abs=1e-12)
    assert (found.valid_queries, found.queries) == (valid, len(case[1]))


@pytest.mark.parametrize("ties", [False, True])
def test_sorting_and_counting_of_ranks_agree(ties: bool) -> None:
    """A query with many positives is sorted, one with a single far positive is counted: a gallery that has both."""
    rng = np.random.default_rng(0)
    pids = np.concatenate((np.repeat(1, 200), np.arange(2, 302), np.zeros(500, dtype=np.int64)))
    distances = rng.random((40, 1000)).astype(np.float32)
    if ties:
        distances = np.round(distances, 2)
    case = (distances, np.arange(1, 41), pids, np.repeat(1, 40), np.repeat(2, 1000), np.arange(40))
    cmc, precision, penalty, valid = plain(case, "step", 900)
    found = evaluate_protocol(*case[:5], max_rank=900)
    assert found.cmc == pytest.approx(cmc, abs=1e-12)
    assert (found.mAP, found.mINP, found.valid_queries) == (pytest.approx(precision), pytest.approx(penalty), valid)


def test_infinite_integer_and_float16_distances_are_ranked() -> None:
    labels = [np.array(each) for each in ([5], [5, -1, 7, 5], [1], [1, 2, 2, 2])]
    for distances in ([[0.0, 0.0, np.inf, np.inf]], [[0, 0, 9, 9]], np.array([[0, 0, 9, 9]], dtype=np.float16)):
        assert evaluate_protocol(np.array(distances), *labels).mAP == 0.5


def test_trapezoids_and_penalty_by_hand() -> None:
    assert trapezoidal_average_precision(np.array([1])) == 1.0
    assert trapezoidal_average_precision(np.array([2])) == pytest.approx((0 + 1 / 2) / 2)
    assert trapezoidal_average_precision(np.array([2, 3])) == pytest.approx(((0 + 1 / 2) / 2 + (1 / 2 + 2 / 3) / 2) / 2)
    assert inverse_negative_penalty(np.array([2, 3, 12])) == 0.25


def test_official_counts_a_query_without_a_positive_as_zero() -> None:
    labels = [np.array(each) for each in ([1, 9], [1, 2], [1, 1], [2, 2])]
    found = [evaluate_protocol(np.zeros((2, 2)), *labels, protocol=name) for name in ("step", "official")]
    assert [(each.rank1, each.mAP, each.mINP, each.valid_queries) for each in found] == [
        (1, 1, 1, 1),
        (0.5, 0.5, 0.5, 1),
    ]


def test_torchreid_protocol_requires_query_index() -> None:
    labels = [np.array(each) for each in ([1, 2], [1, 1, 2, 2], [1, 1], [1, 2, 1, 2])]
    distances = np.zeros((2, 4))
    with pytest.raises(ValueError, match="needs query_index"):
        evaluate_protocol(distances, *labels, protocol="torchreid")
    for rows, complaint in (
        ([0], "2 gallery rows"),
        ([0, 4], "query 1 would be gallery row 4, rows are 0..3"),
        ([-1, 2], "query 0 would be gallery row -1"),
        ([1, 3], r"query 0 \(pid 1, camera 1\) would be gallery row 1 \(pid 1, camera 2\); rows are counted from 0"),
    ):
        with pytest.raises(ValueError, match=complaint):
            evaluate_protocol(distances, *labels, protocol="torchreid", query_index=np.array(rows))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_chance_is_what_random_rankings_get(protocol: Protocol) -> None:
    case = random_case(31)
    rng, rest = np.random.default_rng(0), case[1:5]
    options = {"protocol": protocol, "query_index": case[5]}
    found = [evaluate_protocol(rng.random(case[0].shape), *rest, **options, max_rank=20) for _ in range(400)]
    query, gallery = Labels(rest[0], rest[2]), Labels(rest[1], rest[3])
    expected = chance_ranking(query, gallery, **options, max_rank=20)
    assert np.mean([each.cmc for each in found], axis=0) == pytest.approx(expected.cmc, abs=0.02)
    assert np.mean([each.mAP for each in found]) == pytest.approx(expected.mAP, abs=0.01)
    assert np.mean([each.mINP for each in found]) == pytest.approx(expected.mINP, abs=0.01)
    assert (found[0].queries, found[0].valid_queries) == (expected.queries, expected.valid_queries)


def some_features(seed: int = 0) -> tuple[np.ndarray, ...]:
    """Features and labels of 30 queries that are in a gallery of 300 with junk."""
    rng = np.random.default_rng(seed)
    pids, cams = rng.integers(-1, 40, 300), rng.integers(1, 4, 300)
    features = rng.normal(size=(42, 8))[pids + 1] + rng.normal(size=(300, 8))
    rows = rng.choice(np.flatnonzero(pids > 0), 30, replace=False)
    return features[rows], features, pids[rows], pids, cams[rows], cams, rows


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("score_norm", [None, "row", "column", "symmetric"])
@pytest.mark.parametrize("rerank", [False, True])
def test_rank_features_equals_evaluate_protocol_of_distances(protocol, score_norm, rerank) -> None:
    query, gallery, *labels, rows = some_features()
    found = rank_features(query, gallery, *labels, protocol, rows, score_norm, rerank)
    left = labels[1] != -1
    if protocol == "torchreid":
        left[rows] = False
    distances = euclidean_distances(query, gallery[left])
    if rerank:
        distances = re_ranked(distances, *(euclidean_distances(each, each) for each in (query, gallery[left])))
    if score_norm:
        distances = normalised(distances, score_norm)
    rest = "official" if protocol == "official" else "step"
    expected = evaluate_protocol(distances, labels[0], labels[1][left], labels[2], labels[3][left], protocol=rest)
    assert found.cmc.tolist() == expected.cmc.tolist()
    assert (found.mAP, found.mINP) == (expected.mAP, expected.mINP)


def test_distances_in_blocks_give_the_same_ranking() -> None:
    *known, rows = random_case(31)
    whole = evaluate_protocol(*known)
    for size in (1, 7, len(rows)):
        blocks = (known[0][start : start + size] for start in range(0, len(rows), size))
        assert evaluate_protocol(blocks, *known[1:]).mAP == whole.mAP
    for blocks in (known[0][:-1], np.vstack((known[0], known[0])), known[0][:, :-1]):
        with pytest.raises(ValueError, match="pids say"):
            evaluate_protocol(iter([blocks]), *known[1:])


def test_memory_does_not_grow_with_the_queries() -> None:
    rng = np.random.default_rng(0)
    gallery, pids, cams = rng.normal(size=(2000, 4)), rng.integers(1, 500, 2000), rng.integers(1, 3, 2000)
    peaks = []
    for queries in (768, 4096):
        rows = rng.integers(0, 2000, queries)
        tracemalloc.start()
        rank_features(gallery[rows], gallery, pids[rows], pids, cams[rows], cams)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]
    assert peaks[1] < 4096 * 2000 * 4  # the distances of all, in float32


def test_input_distances_are_not_modified() -> None:
    *known, rows = random_case(31)
    before = known[0].copy()
    for protocol in PROTOCOLS:
        evaluate_protocol(*known, protocol=protocol, query_index=rows)
    assert np.array_equal(before, known[0])


@pytest.mark.skipif(not PEER.is_file(), reason="TORCHREID does not name a clone of KaiyangZhou/deep-person-reid")
@pytest.mark.parametrize("seed", range(60))
def test_agrees_with_torchreid(seed: int) -> None:
    spec = importlib.util.spec_from_file_location("peer_rank", PEER)
    assert spec is not None and spec.loader is not None
    peer = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spec.loader.exec_module(peer)
    distances, query_pids, gallery_pids, query_cams, gallery_cams, rows = random_case(seed)
    left, real = gallery_pids >= 0, query_pids > 0  # its loaders leave junk out, and no query is a distractor
    left[rows] = False
    labels = (query_pids[real], gallery_pids[left], query_cams[real], gallery_cams[left])
    distances = distances[real][:, left]
    ignored = (labels[0][:, None] == labels[1]) & (labels[2][:, None] == labels[3])
    matches = (labels[0][:, None] == labels[1]) & ~ignored
    length = min((~ignored).sum(axis=1), default=0)
    if not matches.any() or not length:  # the latter: it cannot stack lists of different lengths
        pytest.skip("no positive is left, or a query with nothing to rank")
    order = np.argsort(np.argsort(distances, axis=1, kind="stable"), axis=1)  # its own sorting leaves ties to chance
    cmc, precision = peer.evaluate_rank(order, *labels, max_rank=int(length), use_cython=False)
    found = evaluate_protocol(distances, *labels, max_rank=int(length))
    assert found.cmc.astype(np.float32).tolist() == cmc.tolist()  # its CMC is float32
    assert found.mAP == pytest.approx(precision, abs=1e-9)


@pytest.mark.shared
@pytest.mark.skipif(not (MARS / "query_IDX.mat").is_file(), reason="the MARS info files are not here")
def test_the_real_mars_tables() -> None:
    table = loadmat(MARS / "tracks_test_info.mat")["track_test_info"].astype(np.int64)
    rows = loadmat(MARS / "query_IDX.mat")["query_IDX"].astype(np.int64).ravel() - 1
    pids, cams = table[:, 2], table[:, 3]
    assert (len(table), len(rows), (pids == -1).sum(), (pids == 0).sum()) == (12180, 1980, 870, 3248)
    rng = np.random.default_rng(0)
    features = rng.normal(size=(pids.max() + 1, 16))[np.maximum(pids, 0)] + rng.normal(size=(len(pids), 16))
    labels = (pids[rows], pids, cams[rows], cams)
    found = {name: rank_features(features[rows], features, *labels, name, rows) for name in PROTOCOLS}
    assert {name: (each.queries, each.valid_queries) for name, each in found.items()} == {
        "step": (1980, 1980),
        "torchreid": (1980, 1840),
        "official": (1980, 1980),
    }
    assert found["official"].cmc.tolist() == found["step"].cmc.tolist()
    assert found["official"].mAP < found["step"].mAP
