"""Means and deviations over splits and seeds, and the paper's tables with ours beside."""

import statistics

import pytest

from reid.ablation.tables import Kind, Ranked, grid_table, page, post_processing_table, summaries, table_1a, table_1b


def block(rank1, mean_ap=50.0):
    shares = dict.fromkeys(("rank5", "rank10", "rank20", "mINP"), 90.0)
    return {"rank1": rank1, "mAP": mean_ap, **shares, "cmc": [rank1] * 20, "queries": 4, "valid_queries": 4}


def ranked(rank1, split=0, seed=0, data="PRID2011", start="synthetic", variant="align-tap", norm=False, rerank=False):
    return Ranked(Kind(data, start, variant, norm, rerank), split, seed, block(rank1))


def row(table, name):
    """The cells of the row of this name."""
    (line,) = [line for line in table.splitlines() if line.startswith(f"| {name} |")]
    return [cell.strip() for cell in line.strip("|").split("|")[1:]]


def names(table):
    return [line.split("|")[1].strip() for line in table.splitlines()[2:]]


def test_deviations_over_splits_and_over_seeds():
    numbers = {(0, 0): 60.0, (0, 5): 70.0, (3, 0): 80.0, (3, 5): 86.0}
    (found,) = summaries([ranked(value, *where) for where, value in numbers.items()], {"PRID2011": 20})
    assert (found.runs, found.planned) == (4, 20)
    assert found.mean["rank1"] == 74.0
    assert found.mean["queries"] == 16
    assert found.std["rank1"] == pytest.approx(statistics.stdev(numbers.values()))
    assert found.std_over_splits["rank1"] == pytest.approx(statistics.stdev([65.0, 83.0]))
    assert found.std_over_seeds["rank1"] == pytest.approx(statistics.stdev([70.0, 78.0]))


def test_one_network_has_no_deviation():
    (found,) = summaries([ranked(60.0)], {"PRID2011": 1})
    assert found.std is found.std_over_splits is found.std_over_seeds is None
    assert row(table_1b([found]), "ours: AlignNet + TAP, synthetic pre-training") == ["60.0", "–", "–"]


def test_ours_stand_below_the_papers_rows():
    starts, variants = ("without", "synthetic"), ("baseline", "align-avg", "align-tap")
    some = [ranked(50.0, start=start, variant=variant) for variant in variants for start in starts]
    found = summaries(some, {"PRID2011": 1})
    assert names(table_1a(found)) == [
        "paper: AlignNet, no synthetic pre-training",
        "ours: AlignNet + AvgPool, no synthetic pre-training",
        "paper: AlignNet, synthetic pre-training",
        "ours: AlignNet + AvgPool, synthetic pre-training",
        *(
            f"ours: {name}, {start}synthetic pre-training"
            for name in ("Baseline", "AlignNet + TAP")
            for start in ("no ", "")
        ),
    ]
    assert names(table_1b(found)) == [
        f"{whose}: {name}{how}"
        for name in ("Baseline", "AlignNet + AvgPool", "AlignNet + TAP")
        for whose, how in (
            ("paper", ""),
            ("ours", ", no synthetic pre-training"),
            ("ours", ", synthetic pre-training"),
        )
    ]


def test_table_2_has_the_whole_method_with_each_step():
    kinds = [(norm, rerank) for rerank in (False, True) for norm in (False, True)]
    some = [ranked(50.0 + n, norm=norm, rerank=rerank) for n, (norm, rerank) in enumerate(kinds)]
    some += [ranked(10.0, variant="baseline")]
    table = post_processing_table(summaries(some, {"PRID2011": 1}))
    ours = "ours: AlignNet + TAP, synthetic pre-training"
    assert names(table) == [
        "paper: Ours",
        ours,
        "paper: Ours + Score Normalization",
        f"{ours} + Score Normalization",
        "paper: Ours + Re-ranking",
        f"{ours} + Re-ranking",
        f"{ours} + Re-ranking + Score Normalization",
    ]
    assert row(table, f"{ours} + Re-ranking")[0] == "52.0"
    assert row(table, "paper: Ours + Re-ranking") == ["–", "–", "85.4 (82.8)"]
    only = post_processing_table(summaries([ranked(10.0, variant="baseline")], {"PRID2011": 1}))
    assert row(only, "ours: Baseline, synthetic pre-training")[0] == "10.0"


def test_data_sets_share_a_row_and_unfinished_ones_say_so():
    some = [ranked(60.0), ranked(70.0, split=1), ranked(30.0, data="MARS"), ranked(20.0, data="synthetic stand-in")]
    found = summaries(some, {"PRID2011": 10, "MARS": 1, "synthetic stand-in": 2})
    table = table_1b(found)
    assert table.splitlines()[0] == "| Method | PRID2011 | iLIDS-VID | MARS | synthetic stand-in |"
    ours = row(table, "ours: AlignNet + TAP, synthetic pre-training")
    assert ours == ["65.0 ± 7.1 [2 of 10]", "–", "30.0 (50.0)", "20.0 (50.0) [1 of 2]"]
    assert "| PRID2011 | synthetic | align-tap | – | – | 65.0 ± 7.1 | 90.0 ± 0.0 |" in grid_table(found)


def test_a_page_of_nothing_yet_has_the_papers_numbers():
    text = page((), ["nothing is measured"])
    assert "| paper: AlignNet + TAP | 94.4 | 86.0 | 83.2 |" in text
    assert "- nothing is measured" in text
    assert "ours:" not in text
