"""CSV files of people, spreadsheets and pandas: the rows of a table by the names of its columns."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from alignnet_common.errors import UserError
from alignnet_common.files import read_text

SEPARATORS = (",", ";", "\t", "|")

EXCEL_MARK = "sep="
"""Start of a first line with which Excel names the separator."""


def read_rows(path: Path, needed: Sequence[str], columns: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Rows of a CSV file: where each is, for messages, and its cells by the column's name in small letters.

    The separator is the one of `SEPARATORS` with which the first line names the `needed` columns. Spaces around cells,
    empty rows and cells beyond the last column are left out; a cell that is not there is "".

    Raises UserError on a missing or repeated column, a cell beyond the last column, or a file that is no text or CSV.
    columns -- the columns of such a file, for messages.
    """
    try:
        text = read_text(path)
    except UnicodeDecodeError as broken:
        raise UserError(f"{path}: not a CSV text file, or not in UTF-8 ({broken}): save it as UTF-8") from broken
    first = text.partition("\n")[0].strip()
    marked = first.lower().startswith(EXCEL_MARK) and len(first) == len(EXCEL_MARK) + 1
    separator = first[-1] if marked else _separator(text, needed)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    try:
        if marked:
            next(rows)
        names = [cell.strip().lower() for cell in next(rows, [])]
        _check_columns(path, names, needed, columns)
        for cells in rows:
            if any(cell.strip() for cell in cells):
                where = f"{path}, line {rows.line_num}"
                yield where, _by_name(names, cells, where)
    except csv.Error as broken:
        raise UserError(f"{path}, line {rows.line_num}: not a CSV text file ({broken})") from broken


def _separator(text: str, needed: Sequence[str]) -> str:
    """The separator with which the first line has most of the needed columns, then most columns."""
    line = text.partition("\n")[0]

    def score(separator: str) -> tuple[int, int]:
        names = [name.strip().strip('"').lower() for name in line.split(separator)]
        return sum(name in names for name in needed), len(names)

    return max(SEPARATORS, key=score)


def _check_columns(path: Path, names: Sequence[str], needed: Sequence[str], columns: str) -> None:
    missing = [column for column in needed if column not in names]
    if missing:
        raise UserError(f"{path}: no column {missing[0]} (columns: {columns})")
    twice = [name for name in names if name and names.count(name) > 1]
    if twice:
        raise UserError(f"{path}: two columns are named {twice[0]}")


def _by_name(names: Sequence[str], cells: Sequence[str], where: str) -> dict[str, str]:
    if any(cell.strip() for cell in cells[len(names) :]):
        raise UserError(
            f"{where}: {len(cells)} cells under {len(names)} columns: put a path with a separator in quotes"
        )
    found = dict.fromkeys(names, "")
    found |= {name: cell.strip() for name, cell in zip(names, cells, strict=False)}
    return {name: cell for name, cell in found.items() if name}
