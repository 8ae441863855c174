"""The ablation's numbers: means and deviations over splits and seeds, and the paper's tables with ours beside.

Nothing here imports torch.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reid.evaluation.retrieval import Metrics, mean_metrics, std_metrics
from reid.reporting.markdown import markdown_table
from reid.reporting.paper_tables import TABLE_1A, TABLE_1B, Cell, Row, beside_paper, table_2

METHODS = {"baseline": "Baseline", "align-avg": "AlignNet + AvgPool", "align-tap": "AlignNet + TAP"}
STARTS = {"without": "no synthetic pre-training", "synthetic": "synthetic pre-training"}
SHOWN = ("rank1", "rank5", "rank10", "rank20", "mAP")


@dataclass(frozen=True, order=True)
class Kind:
    """All that one number of the tables is about, besides the splits and seeds that it is a mean over."""

    data: str
    """Name of the data that was really used."""

    start: str
    variant: str
    score_norm: bool
    rerank: bool


@dataclass(frozen=True)
class Ranked:
    """One network on one split, ranked."""

    kind: Kind
    split: int
    seed: int
    block: Metrics
    """See `reid.evaluation.retrieval.metrics_dict`."""


@dataclass(frozen=True)
class Summary:
    """Networks that differ in split and seed alone."""

    kind: Kind

    runs: int
    """How many there are."""

    planned: int
    """How many there will be."""

    mean: Metrics

    std: Metrics | None
    """Standard deviation (of a sample) over all of them; None for one."""

    std_over_splits: Metrics | None
    """That of the splits' means over the seeds; None for one split."""

    std_over_seeds: Metrics | None
    """That of the seeds' means over the splits: how far a table's number moves with the seed; None for one seed."""


def summaries(ranked: Iterable[Ranked], planned: Mapping[str, int]) -> tuple[Summary, ...]:
    """The networks of each kind, in order of their first; `planned` says by the data's name how many there will be."""
    of_kind: dict[Kind, list[Ranked]] = {}
    for each in ranked:
        of_kind.setdefault(each.kind, []).append(each)
    return tuple(
        Summary(
            kind=kind,
            runs=len(some),
            planned=planned[kind.data],
            mean=mean_metrics([each.block for each in some]),
            std=std_metrics([each.block for each in some]),
            std_over_splits=std_metrics(_means(some, lambda each: each.split)),
            std_over_seeds=std_metrics(_means(some, lambda each: each.seed)),
        )
        for kind, some in of_kind.items()
    )


def _means(some: Sequence[Ranked], key: Callable[[Ranked], int]) -> list[Metrics]:
    numbers = sorted({key(each) for each in some})
    return [mean_metrics([each.block for each in some if key(each) == number]) for number in numbers]


def table_1a(found: Sequence[Summary]) -> str:
    """Without and with synthetic pre-training: AlignNet + AvgPool below the paper's rows, then the other networks."""
    return beside_paper(
        TABLE_1A,
        _rows(
            [each for each in found if _plain(each.kind)],
            lambda kind: f"ours: {METHODS[kind.variant]}, {STARTS[kind.start]}",
            lambda kind: f"paper: AlignNet, {STARTS[kind.start]}" if kind.variant == "align-avg" else None,
        ),
    )


def table_1b(found: Sequence[Summary]) -> str:
    """The networks, each below the paper's, with and without pre-training."""
    return beside_paper(
        TABLE_1B,
        _rows(
            [each for each in found if _plain(each.kind)],
            lambda kind: f"ours: {METHODS[kind.variant]}, {STARTS[kind.start]}",
            lambda kind: f"paper: {METHODS[kind.variant]}",
        ),
    )


def post_processing_table(found: Sequence[Summary]) -> str:
    """Table 2: the whole method (or the most of it that was measured) with and without post-processing."""
    most = next((variant for variant in reversed(METHODS) if any(each.kind.variant == variant for each in found)), "")
    rows = _rows(
        [each for each in found if each.kind.variant == most],
        lambda kind: f"ours: {METHODS[kind.variant]}, {STARTS[kind.start]}{_steps(kind)}",
        lambda kind: None if kind.score_norm and kind.rerank else f"paper: Ours{_steps(kind)}",
    )
    return table_2(rows)


def _plain(kind: Kind) -> bool:
    return not kind.score_norm and not kind.rerank


def _steps(kind: Kind) -> str:
    """As `reid.reporting.paper_tables` names them."""
    return " + Re-ranking" * kind.rerank + " + Score Normalization" * kind.score_norm


def _rows(found: Sequence[Summary], method: Callable[[Kind], str], beside: Callable[[Kind], str | None]) -> list[Row]:
    """A row a method, with a cell for each data set that it was measured on."""
    cells: dict[tuple[str, str | None], dict[str, Cell]] = {}
    for each in found:
        row = cells.setdefault((method(each.kind), beside(each.kind)), {})
        deviation = each.std["rank1"] if each.std else None
        remark = f"{each.runs} of {each.planned}" if each.runs < each.planned else None
        row[each.kind.data] = Cell(each.mean["rank1"], each.mean["mAP"], deviation, remark)
    return [Row(name, row, paper) for (name, paper), row in cells.items()]


def grid_table(found: Sequence[Summary]) -> str:
    """Every kind with all of its numbers, mean ± standard deviation over its networks."""
    titles = ("data", "pre-training", "network", "score normalisation", "re-ranking", *SHOWN, "networks")
    rows = []
    for each in sorted(found, key=lambda each: _place(each.kind)):
        kind = each.kind
        words = (kind.data, kind.start, kind.variant, _yes(kind.score_norm), _yes(kind.rerank))
        numbers = [_with_spread(each, name) for name in SHOWN]
        rows.append((*words, *numbers, f"{each.runs} of {each.planned}"))
    return markdown_table(titles, rows)


def _place(kind: Kind) -> tuple[Any, ...]:
    return kind.data, list(STARTS).index(kind.start), list(METHODS).index(kind.variant), kind.rerank, kind.score_norm


def _yes(done: bool) -> str:
    return "yes" if done else "–"


def _with_spread(each: Summary, name: str) -> str:
    spread = f" ± {each.std[name]:.1f}" if each.std else ""
    return f"{each.mean[name]:.1f}{spread}"


def page(found: Sequence[Summary], remarks: Sequence[str]) -> str:
    """The tables as Markdown, with what a reader must know to compare them, and `remarks`, a line each."""
    tables = (
        ("Table 1a: synthetic pre-training", table_1a(found)),
        ("Table 1b: components", table_1b(found)),
        ("Table 2: post-processing", post_processing_table(found)),
        ("The whole grid", grid_table(found)),
    )
    captions = (
        "The paper's numbers are of one split; its AlignNet here is that with average pooling, to judge by Table 1b.",
        "The paper's numbers are of one split (MARS: its own), with synthetic pre-training but for MARS.",
        "The paper's numbers are means over ten splits (MARS: its own), with synthetic pre-training but for MARS.",
        "Score normalisation is symmetric, re-ranking is of k-reciprocal neighbours; where both are, it comes first.",
    )
    lines = ["# Ablation", "", "Rank-1 in percent, mAP in brackets. Ours are means over splits and seeds; ± is their"]
    lines += ["standard deviation, [3 of 10] says that networks are still to come.", ""]
    for (title, table), caption in zip(tables, captions, strict=True):
        lines += [f"## {title}", "", table, "", caption, ""]
    return "\n".join([*lines, "## What was measured", "", *(f"- {line}" for line in remarks), ""])
