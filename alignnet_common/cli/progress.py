"""Progress bars of long commands: on a terminal several times a second, in a log file every half minute."""

import sys
from collections.abc import Iterable
from typing import Any, NoReturn, TypeVar, overload

from tqdm import tqdm

T = TypeVar("T")

ON_TERMINALS, IN_LOGS = 0.1, 30.0
"""Seconds between two states of a bar."""


@overload
def progress(iterable: Iterable[T], quiet_logs: bool = False, **options: Any) -> "tqdm[T]": ...


@overload
def progress(iterable: None = None, quiet_logs: bool = False, **options: Any) -> "tqdm[NoReturn]": ...


def progress(iterable: Iterable[T] | None = None, quiet_logs: bool = False, **options: Any) -> "tqdm[Any]":
    """A tqdm bar on standard error, of `iterable` or updated by the caller.

    Args:
        iterable: what the bar counts.
        quiet_logs: whether a command of less than `IN_LOGS` seconds leaves no bar in a log file.
        options: those of tqdm.
    """
    if sys.stderr.isatty():
        return tqdm(iterable, mininterval=ON_TERMINALS, **options)
    if quiet_logs:
        options["delay"] = IN_LOGS
    return tqdm(iterable, mininterval=IN_LOGS, **options)
