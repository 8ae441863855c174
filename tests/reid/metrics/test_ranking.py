"""CMC, mAP, chance and distances against naive versions, on random and adversarial cases."""

import math
import subprocess
import sys

import numpy as np
import pytest

from reid.metrics import Labels, RankingOptions, evaluate_protocol
from reid.metrics.average_precision import average_precision
from reid.metrics.chance import chance_rank1
from reid.metrics.distances import euclidean_distances
from reid.metrics.ranking import cumulative_matches, positive_ranks

Case = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def naive(case: Case, max_rank: int) -> tuple[list[float], float, int]:
    """CMC, mAP and valid queries, from each query's sorted list."""
    distances, query_pids, gallery_pids, query_cams, gallery_cams = case
    cmc, precisions = [0.0] * max_rank, []
    for q, (pid, cam) in enumerate(zip(query_pids, query_cams, strict=True)):
        listed = sorted(range(len(gallery_pids)), key=lambda g: (distances[q, g], g))
        place, hits, at_hits, first = 0, 0, [], None
        for g in listed:
            if gallery_pids[g] == -1 or (gallery_pids[g] == pid and gallery_cams[g] == cam):
                continue
            place += 1
            if gallery_pids[g] == pid and pid != 0:
                hits += 1
                at_hits.append(hits / place)
                first = first or place
        if first is not None:
            precisions.append(sum(at_hits) / hits)
            for k in range(first, max_rank + 1):
                cmc[k - 1] += 1
    return [share / len(precisions) for share in cmc], sum(precisions) / len(precisions), len(precisions)


def random_case(rng: np.random.Generator) -> Case:
    """Few persons and cameras, junk and distractors among them, and sometimes few distinct distances (ties)."""
    queries, gallery, persons = rng.integers(1, 150), rng.integers(1, 60), rng.integers(1, 8)
    distances = rng.random((queries, gallery))
    if rng.random() < 0.6:
        distances = np.round(distances * rng.integers(1, 6))
    kind = rng.choice([np.float32, np.float64])
    return (
        distances.astype(kind),
        rng.integers(-1, persons + 1, queries),
        rng.integers(-1, persons + 1, gallery),
        rng.integers(1, 4, queries),
        rng.integers(1, 4, gallery),
    )


@pytest.mark.parametrize("seed", range(150))
def test_agrees_with_the_naive_ranking(seed: int) -> None:
    rng = np.random.default_rng(seed)
    case, max_rank = random_case(rng), int(rng.integers(1, 80))
    try:
        cmc, precision, valid = naive(case, max_rank)
    except ZeroDivisionError:
        with pytest.raises(ValueError, match="has a positive"):
            evaluate_protocol(*case, max_rank=max_rank)
        return
    found = evaluate_protocol(*case, max_rank=max_rank)
    assert found.cmc.tolist() == pytest.approx(cmc, abs=1e-12)
    assert found.mAP == pytest.approx(precision, abs=1e-12)
    assert (found.valid_queries, found.queries) == (valid, len(case[1]))


def arrays(*lists: list[int]) -> tuple[np.ndarray, ...]:
    return tuple(np.array(each) for each in lists)


def labels_of(query_pids, gallery_pids, query_cams, gallery_cams) -> tuple[Labels, Labels]:
    return Labels(query_pids, query_cams), Labels(gallery_pids, gallery_cams)


def test_one_item() -> None:
    found = evaluate_protocol(np.array([[3.0]]), *arrays([5], [5], [1], [2]))
    assert (found.rank1, found.mAP, found.valid_queries) == (1.0, 1.0, 1)
    assert found.cmc.tolist() == [1.0] * 50


def test_ties_are_ranked_in_gallery_order() -> None:
    zeros = np.zeros((1, 4))
    ranks = list(positive_ranks(zeros, *labels_of(*arrays([5], [7, 5, 8, 5], [1], [2, 2, 2, 2]))))
    assert ranks[0].tolist() == [2, 4]
    assert evaluate_protocol(zeros, *arrays([5], [5, 7, 8, 9], [1], [2, 2, 2, 2])).rank1 == 1.0


def test_same_camera_and_junk_are_ignored_but_distractors_are_ranked() -> None:
    distances = np.array([[0.0, 0.1, 0.2, 0.3, 0.4]])
    ranks = list(positive_ranks(distances, *labels_of(*arrays([5], [5, -1, 0, 7, 5], [1], [1, 2, 2, 1, 2]))))
    assert ranks[0].tolist() == [3]


def test_distractors_and_junk_as_queries_have_no_positive() -> None:
    distances = np.zeros((3, 3))
    pids = arrays([0, -1, 5], [0, -1, 5])
    ranks = list(positive_ranks(distances, *labels_of(*pids, *arrays([1, 1, 1], [2, 2, 2]))))
    assert [each.tolist() for each in ranks] == [[], [], [2]]


def test_queries_without_a_positive_are_counted_and_skipped() -> None:
    distances = np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    found = evaluate_protocol(distances, *arrays([1, 2, 9], [1, 2], [1, 1, 1], [2, 2]), max_rank=20)
    assert (found.queries, found.valid_queries) == (3, 2)
    assert (found.rank1, found.rank(2), found.mAP) == (0.5, 1.0, 0.75)
    with pytest.raises(ValueError, match="rank 21"):
        found.rank(21)


def test_rank_of_a_query_does_not_depend_on_its_block() -> None:
    rng = np.random.default_rng(0)
    distances, pids = rng.random((300, 40)), rng.integers(1, 6, 340)
    cams = rng.integers(1, 3, 340)
    whole = list(positive_ranks(distances, *labels_of(pids[:300], pids[300:], cams[:300], cams[300:])))
    for q in (0, 63, 64, 65, 255, 299):
        alone = next(positive_ranks(distances[[q]], *labels_of(pids[[q]], pids[300:], cams[[q]], cams[300:])))
        assert alone.tolist() == whole[q].tolist()


def test_average_precision_and_cmc_by_hand() -> None:
    assert average_precision(np.array([2, 3, 10])) == pytest.approx((1 / 2 + 2 / 3 + 3 / 10) / 3)
    assert cumulative_matches(np.array([1, 2, 2, 900]), 3).tolist() == [0.25, 0.75, 0.75]


@pytest.mark.parametrize("seed", range(20))
def test_chance_is_the_mean_share_of_positives(seed: int) -> None:
    case = random_case(np.random.default_rng(seed))
    _, query_pids, gallery_pids, query_cams, gallery_cams = case
    shares = []
    for pid, cam in zip(query_pids, query_cams, strict=True):
        kept = [(p, c) for p, c in zip(gallery_pids, gallery_cams, strict=True) if p != -1 and (p, c) != (pid, cam)]
        positives = sum(1 for p, _ in kept if p == pid and pid > 0)
        if positives:
            shares.append(positives / len(kept))
    if shares:
        assert chance_rank1(*labels_of(*case[1:])) == pytest.approx(sum(shares) / len(shares), abs=1e-12)
    else:
        with pytest.raises(ValueError, match="has a positive"):
            chance_rank1(*labels_of(*case[1:]))


def test_chance_is_what_random_rankings_get() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.integers(1, 9, 80), rng.integers(-1, 9, 30), rng.integers(1, 3, 80), rng.integers(1, 3, 30))
    rank1 = [evaluate_protocol(rng.random((80, 30)), *labels).rank1 for _ in range(300)]
    assert np.mean(rank1) == pytest.approx(chance_rank1(*labels_of(*labels)), abs=0.01)


def test_distances_equal_the_naive_ones() -> None:
    rng = np.random.default_rng(0)
    query, gallery = rng.normal(size=(4, 7)).astype(np.float32), 100 + rng.normal(size=(5, 7)).astype(np.float32)
    found = euclidean_distances(query, gallery)
    for q in range(4):
        for g in range(5):
            squares = [(float(a) - float(b)) ** 2 for a, b in zip(query[q], gallery[g], strict=True)]
            assert found[q, g] == pytest.approx(math.sqrt(sum(squares)), rel=1e-6)


def test_equal_features_have_distance_zero_and_small_distances_are_precise() -> None:
    rng = np.random.default_rng(0)
    features = (50 + rng.normal(size=(40, 2048))).astype(np.float32)
    distances = euclidean_distances(features, features)
    assert distances.diagonal().tolist() == [0.0] * 40
    near = features.astype(np.float64)
    near[:, 0] += 0.01
    assert euclidean_distances(features, near).diagonal() == pytest.approx(np.full(40, 0.01), rel=1e-3)


def test_distances_over_many_gallery_blocks() -> None:
    rng = np.random.default_rng(0)
    query, gallery = rng.normal(size=(2, 40_000)), rng.normal(size=(500, 40_000))
    expected = np.linalg.norm(query[1] - gallery, axis=1)
    assert euclidean_distances(query, gallery)[1] == pytest.approx(expected, rel=1e-6)
    gallery[431, 7] = np.nan
    with pytest.raises(ValueError, match="gallery features: row 431"):
        euclidean_distances(query, gallery)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_features_that_are_not_finite_raise_value_error(bad: float) -> None:
    features = np.ones((4, 3), dtype=np.float32)
    broken = features.copy()
    broken[2, 1] = bad
    with pytest.raises(ValueError, match="gallery features: row 2 holds NaN or infinity"):
        euclidean_distances(features, broken)
    with pytest.raises(ValueError, match="query features: row 2"):
        euclidean_distances(broken, features)


def test_shapes_that_do_not_fit_are_refused() -> None:
    features = np.ones((4, 3))
    with pytest.raises(ValueError, match="differ in size"):
        euclidean_distances(features, np.ones((4, 2)))
    with pytest.raises(ValueError, match="at least one row"):
        euclidean_distances(features, np.ones((0, 3)))
    labels = arrays([1], [1, 2], [1], [2, 2])
    with pytest.raises(ValueError, match="NaN"):
        evaluate_protocol(np.array([[np.nan, 1.0]]), *labels)
    with pytest.raises(ValueError, match="pids say"):
        evaluate_protocol(np.ones((2, 1)), *labels)
    with pytest.raises(ValueError, match="the gallery is empty"):
        evaluate_protocol(np.ones((1, 0)), *arrays([1], [], [1], []))
    with pytest.raises(ValueError, match="one length"):
        labels_of(*arrays([1], [1, 2], [1], [2]))
    with pytest.raises(ValueError, match="max_rank"):
        evaluate_protocol(np.ones((1, 2)), *labels, max_rank=0)
    with pytest.raises(ValueError, match="max_rank"):
        RankingOptions(max_rank=0)


def test_rows_of_labels_are_labels() -> None:
    labels = Labels(*arrays([5, 7, 9], [1, 2, 3]))
    assert len(labels) == 3
    for rows in ([0, 2], np.array([True, False, True]), slice(None, None, 2)):
        assert (labels[rows].pids.tolist(), labels[rows].cams.tolist()) == ([5, 9], [1, 3])


def test_importable_without_pytorch() -> None:
    program = "import sys, reid.metrics.ranking; raise SystemExit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
