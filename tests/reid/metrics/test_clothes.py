"""Same and changed clothes: rankings against a naive implementation, chance, and outfits that are not known."""

import numpy as np
import pytest

from reid.metrics import Labels, evaluate_protocol, rank_features, ranking
from reid.metrics.chance import chance_ranking
from reid.metrics.protocols import CLOTHES_RULES, NoPositiveError, counts_of_positives, rules_of

SETTINGS = ("general", "same", "changed")


def random_labels(seed, queries=25, gallery=60, persons=6, outfits=3):
    """Labels of queries and of a gallery with junk and distractors."""
    rng = np.random.default_rng(seed)

    def labels(count, lowest):
        return Labels(
            rng.integers(lowest, persons + 1, count), rng.integers(0, 3, count), rng.integers(0, outfits, count)
        )

    return labels(queries, 1), labels(gallery, -1)


def counted(query, gallery, q, clothes):
    """For query `q`, which gallery items are ranked and which of these are matches, item by item."""
    ranked, matches = [], []
    for g in range(len(gallery)):
        person = gallery.pids[g] == query.pids[q]
        camera = gallery.cams[g] == query.cams[q]
        outfit = gallery.outfits[g] == query.outfits[q]
        junk = person and (camera or (clothes == "same" and not outfit) or (clothes == "changed" and outfit))
        ranked.append(gallery.pids[g] != -1 and not junk)
        matches.append(ranked[-1] and person)
    return np.array(ranked), np.array(matches)


def naive(distances, query, gallery, clothes):
    """CMC at 1, mAP and the number of queries with a match."""
    firsts, precisions = [], []
    for q in range(len(query)):
        ranked, matches = counted(query, gallery, q, clothes)
        if not matches.any():
            continue
        order = [g for g in np.argsort(distances[q], kind="stable") if ranked[g]]
        hits = matches[order]
        firsts.append(hits[0])
        precisions.append(np.mean([hits[: place + 1].mean() for place in np.flatnonzero(hits)]))
    return float(np.mean(firsts)), float(np.mean(precisions)), len(firsts)


@pytest.mark.parametrize("clothes", SETTINGS)
@pytest.mark.parametrize("seed", range(12))
def test_a_ranking_is_the_naive_one(seed, clothes):
    query, gallery = random_labels(seed)
    distances = np.random.default_rng(seed).integers(0, 40, (len(query), len(gallery))).astype(float)
    found = ranking.evaluate_protocol(distances, query, gallery, clothes=clothes)
    assert (found.rank1, found.mAP, found.valid_queries) == pytest.approx(naive(distances, query, gallery, clothes))


@pytest.mark.parametrize("clothes", SETTINGS)
@pytest.mark.parametrize("seed", range(6))
def test_numbers_of_ranked_items_and_positives_are_the_naive_ones(seed, clothes):
    query, gallery = random_labels(seed)
    items, positives = counts_of_positives(query, gallery, clothes)
    expected = [counted(query, gallery, q, clothes) for q in range(len(query))]
    assert items.tolist() == [ranked.sum() for ranked, _ in expected]
    assert positives.tolist() == [matches.sum() for _, matches in expected]


@pytest.mark.parametrize("clothes", SETTINGS)
def test_chance_is_the_mean_of_random_rankings(clothes):
    query, gallery = random_labels(3)
    rng = np.random.default_rng(0)
    rankings = [
        ranking.evaluate_protocol(rng.random((len(query), len(gallery))), query, gallery, clothes=clothes)
        for _ in range(400)
    ]
    chance = chance_ranking(query, gallery, clothes=clothes)
    assert chance.valid_queries == rankings[0].valid_queries
    assert chance.rank1 == pytest.approx(np.mean([each.rank1 for each in rankings]), abs=0.02)
    assert chance.mAP == pytest.approx(np.mean([each.mAP for each in rankings]), abs=0.02)


def test_clothes_decide_which_matches_count():
    """One person by two cameras: a match in the query's outfit is far, one in another outfit is near."""
    query = Labels(np.array([1]), np.array([0]), np.array([0]))
    gallery = Labels(np.array([1, 1, 2]), np.array([1, 1, 1]), np.array([0, 1, 0]))
    distances = np.array([[3.0, 1.0, 2.0]])
    found = {name: ranking.evaluate_protocol(distances, query, gallery, clothes=name) for name in SETTINGS}
    assert [found[name].rank1 for name in SETTINGS] == [1.0, 0.0, 1.0]
    assert found["same"].mAP == 0.5  # the near match in another outfit takes no place
    assert found["general"].mAP == pytest.approx((1 + 2 / 3) / 2)


def test_equal_numbers_of_different_persons_are_different_outfits():
    query = Labels(np.array([1, 2]), np.array([0, 0]), np.array([0, 0]))
    gallery = Labels(np.array([1, 2]), np.array([1, 1]), np.array([1, 1]))
    found = ranking.evaluate_protocol(np.array([[1.0, 2.0], [2.0, 1.0]]), query, gallery, clothes="changed")
    assert (found.rank1, found.valid_queries) == (1.0, 2)


@pytest.mark.parametrize("rerank", [False, True])
@pytest.mark.parametrize("protocol", ["step", "official"])
def test_arrays_give_the_same_as_labels(protocol, rerank):
    query, gallery = random_labels(5)
    rng = np.random.default_rng(5)
    features = rng.normal(size=(len(query), 8)), rng.normal(size=(len(gallery), 8))
    sides = (query.pids, gallery.pids, query.cams, gallery.cams)
    outfits = {"query_outfits": query.outfits, "gallery_outfits": gallery.outfits, "clothes": "changed"}
    found = rank_features(*features, *sides, protocol, rerank=rerank, **outfits)
    options = ranking.RankingOptions(protocol, rerank=rerank, clothes="changed")
    expected = ranking.rank_features(*features, query, gallery, options)
    assert (found.mAP, found.rank1) == (expected.mAP, expected.rank1)
    distances = rng.random((len(query), len(gallery)))
    one = evaluate_protocol(distances, *sides, protocol, **outfits)
    other = ranking.evaluate_protocol(distances, query, gallery, protocol, clothes="changed")
    assert one.mAP == other.mAP


def test_outfits_must_be_known_and_fit():
    query, gallery = random_labels(0)
    bare = Labels(query.pids, query.cams)
    distances = np.zeros((len(query), len(gallery)))
    for labels in ((bare, gallery), (query, Labels(gallery.pids, gallery.cams))):
        with pytest.raises(ValueError, match="clothes same: the outfits of queries and gallery are not known"):
            ranking.evaluate_protocol(distances, *labels, clothes="same")
        assert ranking.evaluate_protocol(distances, *labels).valid_queries > 0
    with pytest.raises(ValueError, match="outfits must be 25 numbers"):
        Labels(query.pids, query.cams, np.zeros(3, int))
    assert query[[2, 3]].outfits.tolist() == query.outfits[2:4].tolist()


def test_no_match_in_a_setting_is_an_error_that_names_the_clothes():
    query, gallery = random_labels(0, outfits=1)
    with pytest.raises(NoPositiveError, match="its pid, another camera, another outfit"):
        chance_ranking(query, gallery, clothes="changed")
    with pytest.raises(NoPositiveError, match="another outfit"):
        ranking.evaluate_protocol(np.zeros((len(query), len(gallery))), query, gallery, clothes="changed")


def test_rules_name_the_setting():
    assert rules_of("step", "same").endswith(CLOTHES_RULES["same"])
    assert "clothes" not in rules_of("step")
