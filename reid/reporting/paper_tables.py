"""Tables 1 and 2 of the paper (TR2019-108, Sections 4.3 and 4.4) with our results, as Markdown. Without PyTorch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reid.reporting.markdown import markdown_table

COLUMNS = ("PRID2011", "iLIDS-VID", "MARS")
RANKS = ("rank1", "rank5", "rank10", "rank20", "mAP", "mINP")


@dataclass(frozen=True)
class Cell:
    """Result of a method on a data set, in percent."""

    rank1: float
    """CMC at 1."""

    mean_ap: float | None = None
    """mAP, printed in brackets; the paper has it for MARS only."""

    deviation: float | None = None
    """Standard deviation of rank-1 over the splits; None for one split."""

    remark: str | None = None
    """Text after the number."""


@dataclass(frozen=True)
class Row:
    """A method and its results."""

    method: str
    cells: dict[str, Cell]
    """Results by name of the data set."""

    beside: str | None = None
    """The paper's row for the same method, below which this row is placed; None if there is none."""


TABLE_1A = (
    Row("paper: AlignNet, no synthetic pre-training", {"PRID2011": Cell(90.5), "iLIDS-VID": Cell(75.7)}),
    Row("paper: AlignNet, synthetic pre-training", {"PRID2011": Cell(94.4), "iLIDS-VID": Cell(80.7)}),
)
"""Table 1a: rank-1 on one split. These are the numbers of AlignNet + AvgPool in Table 1b."""

TABLE_1B = (
    Row("paper: Baseline", {"PRID2011": Cell(85.4), "iLIDS-VID": Cell(75.7), "MARS": Cell(79.7)}),
    Row("paper: AlignNet + AvgPool", {"PRID2011": Cell(94.4), "iLIDS-VID": Cell(80.7), "MARS": Cell(82.6)}),
    Row("paper: AlignNet + TAP", {"PRID2011": Cell(94.4), "iLIDS-VID": Cell(86.0), "MARS": Cell(83.2)}),
)
"""Table 1b: rank-1 on one split (MARS: the published one), with synthetic pre-training except for MARS."""

PAPER = (
    Row(
        "paper: Ours",
        {"PRID2011": Cell(96.0), "iLIDS-VID": Cell(83.0), "MARS": Cell(83.2, 71.8)},
    ),
    Row(
        "paper: Ours + Score Normalization",
        {"PRID2011": Cell(96.7), "iLIDS-VID": Cell(85.9), "MARS": Cell(84.9, 73.6)},
    ),
    Row("paper: Ours + Re-ranking", {"MARS": Cell(85.4, 82.8)}),
)
"""The last three rows of Table 2: rank-1, for MARS with mAP."""


def row_of_result(method: str, result: dict[str, Any]) -> Row:
    """The row of a result of `python -m reid.evaluate` (result.json)."""
    deviation = result["std"]["rank1"] if result.get("std") else None
    done = result["post_processing"]
    steps = ["Re-ranking"] if done["rerank"] else []
    if done["score_norm"]:
        kind = "" if done["score_norm"] == "symmetric" else f" ({done['score_norm']})"
        steps.append(f"Score Normalization{kind}")
    beside = " + ".join([PAPER[0].method, *steps])
    return Row(
        " + ".join([method, *steps]),
        {result["data"]["name"]: Cell(result["rank1"], result["mAP"], deviation)},
        beside if beside in {row.method for row in PAPER} else None,
    )


def table_2(rows: Sequence[Row]) -> str:
    """The last rows of the paper's Table 2 with `rows` inserted; see `beside_paper`."""
    return beside_paper(PAPER, rows)


def beside_paper(paper_rows: Sequence[Row], rows: Sequence[Row]) -> str:
    """A table of the paper's rows, each followed by the `rows` of the same method (`Row.beside`), then the other rows.

    Data sets that the paper does not have are added as columns.
    """
    others = dict.fromkeys(name for row in rows for name in row.cells if name not in COLUMNS)
    columns = (*COLUMNS, *others)
    beside = [each for paper in paper_rows for each in (paper, *(row for row in rows if row.beside == paper.method))]
    listed = (*beside, *(row for row in rows if row.beside is None))
    cells = [[_written(row.cells[name], name) if name in row.cells else "–" for name in columns] for row in listed]
    return markdown_table(("Method", *columns), [(row.method, *some) for row, some in zip(listed, cells, strict=True)])


def _written(cell: Cell, name: str) -> str:
    spread = "" if cell.deviation is None else f" ± {cell.deviation:.1f}"
    precision = f" ({cell.mean_ap:.1f})" if cell.mean_ap is not None and name not in COLUMNS[:2] else ""
    remark = "" if cell.remark is None else f" [{cell.remark}]"
    return f"{cell.rank1:.1f}{spread}{precision}{remark}"


def splits_table(result: dict[str, Any]) -> str:
    """A table of the splits of a result, their mean and standard deviation, and chance."""
    names = [name for name in RANKS if name in result]
    rows = [
        _line(each["source"], each, names, f"{each['valid_queries']} of {each['queries']}")
        for each in result["per_split"]
    ]
    if result["std"]:
        rows.append(_line("**mean**", result, names, ""))
        rows.append(_line("standard deviation", result["std"], names, ""))
    rows.append(_line("chance", result["chance"], names, ""))
    return markdown_table(("split", *names, "queries"), rows)


def clothes_table(result: dict[str, Any]) -> str:
    """A table of the settings of clothes of a result of --clothes all, each with chance; a setting without a match has
    no figures."""
    names = [name for name in RANKS if name in result]
    rows = []
    for clothes, block in result["by_clothes"].items():
        if "none" in block:
            rows.append([clothes, *("–" for _ in names), "no query has a match"])
        else:
            queries = f"{block['valid_queries']} of {block['queries']}"
            rows += [_line(clothes, block, names, queries), _line(f"chance, {clothes}", block["chance"], names, "")]
    return markdown_table(("clothes", *names, "queries"), rows)


def _line(title: str, block: dict[str, Any], names: Sequence[str], queries: str) -> list[str]:
    return [title, *(f"{block[name]:.1f}" if name in block else "–" for name in names), queries]


def page(result: dict[str, Any]) -> str:
    """A result as Markdown: Table 2, the splits, protocol and processing, notes and warnings."""
    data = result["data"]
    count = len(result["per_split"])
    method = f"this network, {count} splits" if count > 1 else f"this network, {result['per_split'][0]['source']}"
    done = result["post_processing"]
    reranking = ", ".join(f"{name} = {value}" for name, value in (done["rerank"] or {}).items()) or "none"
    remarks = [f"- {line}" for line in (*data["notes"], *data["warnings"])]
    return "\n".join(
        [
            f"# {data['name']}",
            "",
            table_2([row_of_result(method, result)]),
            "",
            "Rank-1 in percent, mAP in brackets; ± is the standard deviation over the splits.",
            "",
            splits_table(result),
            "",
            *(["By clothes:", "", clothes_table(result), ""] if "by_clothes" in result else []),
            f"Data: {data['protocol']}.",
            f"Protocol: {result['protocol']} ({result['rules']}).",
            *([f"Clothes: {result['clothes']}."] if result.get("clothes", "general") != "general" else []),
            f"Re-ranking: {reranking}. Score normalisation: {done['score_norm'] or 'none'}.",
            f"Splits: {data['split']}. Data fingerprint: {data['fingerprint'][:16]}.",
            *(["", *remarks] if remarks else []),
            "",
        ]
    )
