"""Bars of long commands: often on a terminal, seldom in a log file."""

import io
import re
import sys

from alignnet_common.cli.progress import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_a_bar_is_there_at_once(monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    with progress(total=500, desc="render", unit="frame") as bar:
        assert "render:   0%" in stream.getvalue()
        bar.update(500)
    assert "render: 100%" in stream.getvalue() and "500/500" in stream.getvalue()


def test_a_log_says_every_half_minute_how_far_a_command_is(monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())
    now = 0.0
    with progress(total=100, desc="render", unit="frame", quiet_logs=True) as bar:
        bar._time = lambda: now
        bar.start_t = bar.last_print_t = now
        for _ in range(100):
            now += 1.0
            bar.update()
    shares = re.findall(r"render: +(\d+%)", stream.getvalue())
    assert shares == ["30%", "60%", "90%", "100%"]


def test_a_quick_command_leaves_no_bar_in_a_log(monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())
    assert list(progress(range(3), quiet_logs=True)) == [0, 1, 2]
    assert stream.getvalue() == ""
