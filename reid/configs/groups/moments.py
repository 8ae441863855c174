"""Times on the command line: seconds by a clock, or dates and times of ISO 8601."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

CALENDAR = 1e8
"""Seconds from which on a time is shown as a date: no clock that begins with a recording or a day comes so far, and
dates from March 1973 on do."""


def seconds_of(value: float | str, flag: str) -> float:
    """Seconds of a time.

    Args:
        value: seconds, as a number or as text; or a date, or date and time, of ISO 8601, such as 2026-11-30T08:00:00.
            With a zone (Z, +01:00) these are seconds since 1970-01-01T00:00:00Z; without, since the same day and hour
            by the same clock.
        flag: for messages.

    Raises ValueError on other text, on times before the beginning, and on what is not finite.
    """
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = _moment(str(value)).timestamp()
        except (ValueError, OverflowError) as wrong:
            reason = str(wrong).removeprefix("Invalid isoformat string: ")
            raise ValueError(f"{flag} {value}: neither seconds nor 2026-11-30T08:00:00 ({reason})") from None
    if not 0 <= seconds < math.inf:
        raise ValueError(f"{flag} {value}: must be seconds from 0 on, or a date from 1970 on")
    return seconds


def one_clock(values: Sequence[float | str], flag: str) -> None:
    """Raise ValueError where times are not of one kind: seconds, with a zone, or without one."""
    kinds = {_kind(value) for value in values}
    if len(kinds) > 1:
        raise ValueError(f"{flag}: mixes {' and '.join(sorted(kinds))}: give all times in one way")


def in_words(seconds: float) -> str:
    """A time as people read it: 12.3, or 2026-11-30 08:00:12.3 from `CALENDAR` on."""
    if seconds < CALENDAR:
        return f"{seconds:.1f}"
    tenths = round(seconds * 10)
    whole = datetime.fromtimestamp(tenths // 10, UTC)
    return f"{whole:%Y-%m-%d %H:%M:%S}.{tenths % 10}"


def span_in_words(start: float, end: float) -> str:
    """Two times: 1.5 to 9.0 s; or dates from `CALENDAR` on, the day once where both have the same."""
    first, last = in_words(start), in_words(end)
    if start < CALENDAR:
        return f"{first} to {last}" + (" s" if end < CALENDAR else "")
    return f"{first} to {last.removeprefix(first[: len('2026-11-30 ')])}"


def with_unit(seconds: float) -> str:
    """A time as messages have it: 12.5 s, or a date from `CALENDAR` on."""
    return f"{seconds:g} s" if seconds < CALENDAR else in_words(seconds)


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _kind(value: float | str) -> str:
    try:
        float(value)
    except ValueError:
        return "dates with a zone" if datetime.fromisoformat(str(value)).tzinfo else "dates without a zone"
    return "seconds"
