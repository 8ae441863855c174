"""Sparse re-ranking against a dense version written from the paper, and score normalisation against its formula."""

import numpy as np
import pytest

from reid.metrics.distances import euclidean_distances
from reid.metrics.reranking import nearest, re_ranked, re_ranked_features
from reid.metrics.score_normalisation import normalised


def dense(distances: np.ndarray, queries: int, k1: int, k2: int, blend: float) -> np.ndarray:
    """Zhong et al. 2017 item by item, on all N x N distances: sets, vectors and their Jaccard distances."""
    items = len(distances)
    shares = distances.astype(np.float64) ** 2
    shares /= shares.max(axis=1, keepdims=True)
    order = [sorted(range(items), key=lambda g, row=row: (distances[row, g], g)) for row in range(items)]

    def reciprocal(item: int, k: int) -> set[int]:
        return {other for other in order[item][: k + 1] if item in order[other][: k + 1]}

    vectors = np.zeros((items, items))
    for item in range(items):
        near = reciprocal(item, k1)
        expanded = set(near)
        for other in near:
            candidates = reciprocal(other, round(k1 / 2))
            if 3 * len(candidates & near) > 2 * len(candidates):
                expanded |= candidates
        for other in expanded:
            vectors[item, other] = np.exp(-shares[item, other])
        vectors[item] /= max(vectors[item].sum(), 1e-300)
    vectors = np.array([vectors[order[item][:k2]].mean(axis=0) for item in range(items)])
    result = np.empty((queries, items - queries))
    for q in range(queries):
        for g in range(queries, items):
            least = np.minimum(vectors[q], vectors[g]).sum()
            most = np.maximum(vectors[q], vectors[g]).sum()
            result[q, g - queries] = (1 - least / most) * (1 - blend) + shares[q, g] * blend
    return result


def groups(seed: int, queries: int = 12, items: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Features of queries and gallery, of ten persons who overlap."""
    rng = np.random.default_rng(seed)
    persons = rng.normal(size=(10, 5))
    return tuple(persons[rng.integers(0, 10, n)] + 0.4 * rng.normal(size=(n, 5)) for n in (queries, items))


def three(query: np.ndarray, gallery: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return tuple(euclidean_distances(*each) for each in ((query, gallery), (query, query), (gallery, gallery)))


def joined(across: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.block([[first, across], [across.T, second]])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("k1", "k2", "blend"), [(20, 6, 0.3), (7, 3, 0.0), (5, 1, 0.8), (1, 1, 0.3), (500, 90, 0.1)])
def test_agrees_with_the_dense_version(seed: int, k1: int, k2: int, blend: float) -> None:
    query, gallery = groups(seed)
    distances = three(query, gallery)
    expected = dense(joined(*distances), len(query), k1, k2, blend)
    assert re_ranked(*distances, k1, k2, blend) == pytest.approx(expected, abs=1e-5)
    assert re_ranked_features(query, gallery, k1, k2, blend) == pytest.approx(expected, abs=1e-5)


def test_ties_and_duplicates_go_by_order() -> None:
    rng = np.random.default_rng(0)
    features = rng.integers(0, 3, (70, 2)).astype(np.float32)  # nine points, each many times
    query, gallery = features[:10], features[10:]
    distances = three(query, gallery)
    expected = dense(joined(*distances), 10, 20, 6, 0.3)
    assert re_ranked(*distances) == pytest.approx(expected, abs=1e-5)
    assert re_ranked_features(query, gallery) == pytest.approx(expected, abs=1e-5)


def test_one_item_and_items_that_are_all_the_same() -> None:
    assert re_ranked_features(np.ones((1, 3)), np.ones((1, 3))).tolist() == [[0.0]]
    assert re_ranked_features(np.ones((2, 3)), np.ones((30, 3))).shape == (2, 30)


def test_asymmetric_distances_in_several_blocks() -> None:
    """More items than rows in a block; neighbors are taken from the rows, as in the reference."""
    query, gallery = groups(0, 300, 400)
    whole = joined(*three(query, gallery))
    rng = np.random.default_rng(0)
    whole += rng.random(whole.shape).astype(np.float32) * 1e-3
    whole[300:, :300] = whole[:300, 300:].T
    first, across, second = whole[:300, :300], whole[:300, 300:], whole[300:, 300:]
    found = re_ranked(across, first, second, 10, 3)
    small = dense(whole.T, 300, 10, 3, 0.3)[:20]
    assert found[:20] == pytest.approx(small, abs=1e-5)


@pytest.mark.parametrize("decimals", [0, 1, 3, 9])
@pytest.mark.parametrize("k", [1, 6, 21])
def test_nearest_equals_the_first_columns_of_a_stable_sort(k: int, decimals: int) -> None:
    rng = np.random.default_rng(k)
    for columns in (k, 16 * k - 1, 16 * k, 1003):
        distances = np.round(rng.random((9, columns)), decimals).astype(np.float32)
        distances[:, ::7] = distances[:, :1]
        expected = np.argsort(distances, axis=1, kind="stable")[:, :k]
        assert np.array_equal(nearest(distances, k), expected)


def test_invalid_input_of_re_ranking_raises_value_error() -> None:
    across, first, second = three(*groups(0))
    with pytest.raises(ValueError, match="must be"):
        re_ranked(across.T, first, second)
    with pytest.raises(ValueError, match="at least 1"):
        re_ranked(across, first, second, k1=0)
    with pytest.raises(ValueError, match=r"0\.\.1"):
        re_ranked(across, first, second, lambda_=1.5)
    second[3, 3] = np.nan
    with pytest.raises(ValueError, match="holds NaN"):
        re_ranked(across, first, second)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (300, 7), (20, 30)])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_score_normalization_equals_its_formula(shape: tuple[int, int], kind: type) -> None:
    distances = np.random.default_rng(0).random(shape).astype(kind)
    similarity = -distances.astype(np.float64)
    z = {}
    for axis, name in ((1, "row"), (0, "column")):
        deviation = similarity.std(axis=axis, keepdims=True)
        z[name] = (similarity - similarity.mean(axis=axis, keepdims=True)) / np.where(deviation == 0, 1, deviation)
    z["symmetric"] = (z["row"] + z["column"]) / 2
    for name, expected in z.items():
        assert normalised(distances, name) == pytest.approx(-expected, abs=1e-12)


def test_a_row_or_column_of_equal_distances_is_zero() -> None:
    distances = np.full((3, 7), 0.1)
    assert normalised(distances, "symmetric").tolist() == [[0.0] * 7] * 3
    distances[1] += np.arange(7)
    assert normalised(distances, "row")[[0, 2]].tolist() == [[0.0] * 7] * 2
