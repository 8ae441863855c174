"""Markdown tables."""

from collections.abc import Iterable, Sequence


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with one line per row.

    >>> print(markdown_table(["method", "rank-1"], [["chance", "1.0"]]))
    | method | rank-1 |
    |---|---|
    | chance | 1.0 |
    """
    lines = [f"| {' | '.join(cells)} |" for cells in (header, *rows)]
    return "\n".join([lines[0], "|---" * len(header) + "|", *lines[1:]])
