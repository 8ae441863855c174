"""Markdown tables."""

from reid.reporting.markdown import markdown_table


def test_a_table_has_a_line_per_row_and_keeps_empty_cells():
    assert markdown_table(["split", "rank-1", "queries"], [["0", "50.0", "3 of 4"], ["mean", "50.0", ""]]) == (
        "| split | rank-1 | queries |\n|---|---|---|\n| 0 | 50.0 | 3 of 4 |\n| mean | 50.0 |  |"
    )
    assert markdown_table(["split"], []) == "| split |\n|---|"
