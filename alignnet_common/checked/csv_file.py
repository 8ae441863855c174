"""Tables in CSV as the programs here write them: a first line of names, commas, UTF-8."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from alignnet_common.errors import UserError, one_line


def rows_of_csv(path: Path, needed: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the rows of a table, line by line: where each is, for messages, and its cells by column.

    Raises UserError on a file that is no such table, a column of `needed` that is missing, a column that is there
    twice, and a row that is shorter or longer than the first one; OSError where it cannot be read.
    """
    columns: list[str] = []
    for number, cells in lines_of_csv(path):
        if not columns:
            columns = cells
            check_columns(path, columns, needed)
            continue
        if cells:
            yield f"{path}, line {number}", row_of(path, number, columns, cells)
    if not columns:
        raise UserError(f"{path}: empty, without the columns {', '.join(needed)}")


def check_columns(path: Path, columns: Sequence[str], needed: Sequence[str]) -> None:
    """Raise UserError where a column is missing or there twice."""
    missing = next((name for name in needed if name not in columns), None)
    if missing is not None:
        raise UserError(f"{path}: no column {missing}")
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{path}: two columns are named {one_line(twice)}")


def row_of(path: Path, number: int, columns: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """The cells of a line by column. Raises UserError where their numbers differ."""
    if len(cells) != len(columns):
        raise UserError(f"{path}, line {number}: {len(cells)} cells under {len(columns)} columns")
    return dict(zip(columns, cells, strict=True))


def lines_of_csv(path: Path, lines: Iterable[str] | None = None) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each line of a table without names.

    lines -- those that are read. Default: all of the file. Raises UserError on what is no text or CSV.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file if lines is None else lines)
        try:
            for cells in rows:
                yield rows.line_num, cells
        except (csv.Error, UnicodeDecodeError) as broken:
            raise UserError(f"{path}, line {rows.line_num + 1}: not CSV in UTF-8 ({one_line(broken)})") from None
