"""JSON and JSON lines of a given form, in files of bounded size."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from alignnet_common.checked.forms import FormError, mismatch
from alignnet_common.errors import UserError

LARGEST = 2**28
"""Bytes of a file of JSON, and of a line of JSON lines, at most."""


def parsed(content: str | bytes, form: Any = None) -> Any:
    """The value of JSON. form -- see `forms`; None: any.

    Raises ValueError, with a message of one line, on what is no JSON, NaN and infinite numbers, and nesting too deep to
    be read; FormError on another form.
    """
    try:
        value = json.loads(content, parse_float=_finite, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("not JSON (nested too deeply)") from None
    except json.JSONDecodeError as broken:
        raise ValueError(f"not JSON ({broken.msg})") from None
    except UnicodeDecodeError:
        raise ValueError("not JSON (no text in UTF-8)") from None
    wrong = None if form is None else mismatch(value, form)
    if wrong is not None:
        raise FormError(wrong)
    return value


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text)


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is no finite number")


def read_json(path: Path, form: Any, advice: str) -> Any:
    """The value in a file of JSON. form -- see `forms`. advice -- end of the message: what to do.

    Raises UserError on other content, and on a file of more than `LARGEST`; OSError where it cannot be read.
    """
    try:
        return parsed(read_bounded(path), form)
    except ValueError as wrong:
        raise UserError(f"{path}: {wrong}: {advice}") from None


def read_bounded(path: Path, most: int = LARGEST) -> bytes:
    """The bytes of a file. Raises ValueError where it has more than `most`, OSError where it cannot be read."""
    with path.open("rb") as stream:
        content = stream.read(most + 1) if path.stat().st_size > most else stream.read()
    if len(content) > most:
        raise ValueError(f"more than {most} bytes")
    return content


def rows_of(path: Path, form: Any, strict: bool = True) -> Iterator[Any]:
    """Yield the rows of a file of JSON lines. form -- of a row.

    A last line that a crash cut short is left out unless `strict`. Raises ValueError, with the file and the line, on
    other content, FormError on a row of another form; OSError where the file cannot be read.
    """
    with path.open("rb") as stream:
        for number, line in enumerate(iter(lambda: stream.readline(LARGEST + 1), b""), start=1):
            where = f"{path}, line {number}"
            if len(line) > LARGEST:
                raise ValueError(f"{where}: more than {LARGEST} bytes")
            if not line.strip():
                continue
            try:
                row = parsed(line)
            except ValueError as wrong:
                if not line.endswith(b"\n") and not strict:
                    return
                raise ValueError(f"{where}: {wrong}") from None
            reason = mismatch(row, form)
            if reason is not None:
                raise FormError(f"{where}: {reason}")
            yield row
