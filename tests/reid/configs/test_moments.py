"""Times on the command line: seconds, dates with and without a zone, and what is neither."""

import math
import time
from pathlib import Path

import pytest

from reid.configs.groups.moments import in_words, one_clock, seconds_of, span_in_words, with_unit
from reid.configs.video.search import SearchConfig
from reid.configs.video.tracks import TracksConfig

EIGHT = 1796025600.0
"""2026-11-30T08:00:00Z."""


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (0, 0.0),
        (12.5, 12.5),
        ("3600", 3600.0),
        ("2026-11-30T08:00:00Z", EIGHT),
        ("2026-11-30T08:00:00", EIGHT),
        ("2026-11-30 08:00", EIGHT),
        ("2026-11-30T09:00:00+01:00", EIGHT),
        ("2026-11-30T08:00:00.250", EIGHT + 0.25),
        ("2026-11-30", EIGHT - 8 * 3600),
        ("1970-01-01T00:00:00", 0.0),
    ],
)
def test_a_time_is_seconds_whatever_the_zone_of_this_machine(value, seconds, monkeypatch):
    for zone in ("UTC", "Asia/Tokyo", "America/New_York"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert seconds_of(value, "--starts") == seconds
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    "value", ["monday", "", "2026-13-01", "2026-11-30T25:00", "8:00", -1, "-1", math.inf, "nan", "1969-12-31T23:59:59"]
)
def test_what_is_no_time_is_one_line(value):
    with pytest.raises(ValueError, match="--starts") as line:
        seconds_of(value, "--starts")
    assert len(str(line.value).splitlines()) == 1


def test_clocks_are_not_mixed():
    one_clock([0, "3600", 7.5], "--starts")
    one_clock(["2026-11-30T08:00Z", "2026-11-30T09:00+01:00"], "--starts")
    with pytest.raises(ValueError, match="--starts: mixes dates with a zone and seconds: give all times in one way"):
        one_clock([0, "2026-11-30T08:00Z"], "--starts")
    with pytest.raises(ValueError, match="mixes dates with a zone and dates without a zone"):
        TracksConfig([Path("a.mp4"), Path("b.mp4")], starts=["2026-11-30T08:00Z", "2026-11-30T09:00"])
    with pytest.raises(ValueError, match="--after, --before: mixes"):
        SearchConfig(track="a/1", after=5.0, before="2026-11-30T08:00")


def test_times_in_words_are_dates_from_1973_on():
    assert (in_words(12.34), with_unit(12.5), with_unit(3600.0)) == ("12.3", "12.5 s", "3600 s")
    assert in_words(EIGHT + 1.96) == "2026-11-30 08:00:02.0" and with_unit(EIGHT) == "2026-11-30 08:00:00.0"


def test_a_span_has_its_day_once():
    assert span_in_words(1.5, 9) == "1.5 to 9.0 s"
    assert span_in_words(EIGHT, EIGHT + 61) == "2026-11-30 08:00:00.0 to 08:01:01.0"
    assert span_in_words(EIGHT, EIGHT + 16 * 3600) == "2026-11-30 08:00:00.0 to 2026-12-01 00:00:00.0"


def test_the_window_of_a_search_takes_both():
    assert SearchConfig(track="a/1").window == (-math.inf, math.inf)
    assert SearchConfig(track="a/1", after="2026-11-30T08:00", before="2026-11-30T09:00").window == (
        EIGHT,
        EIGHT + 3600,
    )
    assert SearchConfig(track="a/1", after=5).window == (5, math.inf)
