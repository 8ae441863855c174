"""Calls on files that fail one after the other: how a case is judged, and a sample of real ones."""

import json
import shutil
import signal
import sys

import numpy as np
import pytest

from alignnet_common.files import write_json
from benchmarks.faults.case import Ending
from benchmarks.faults.content import differences, leaves, steady
from benchmarks.faults.nth_call import Case, counts
from synth_runs import python


def case(fault="io", first=(0, ""), second=(0, ""), differences=()):
    """A case of the command pack with these ends, each an exit code and what was said."""
    return Case("pack", fault, 3, "write tars/a.tar", Ending(*first), Ending(*second), list(differences))


@pytest.mark.parametrize(
    ("verdict", "what"),
    [
        ("right", case()),
        ("right", case(first=(1, "error: the disk is full"))),
        ("right", case("kill", first=(-signal.SIGKILL, ""))),
        ("killed", case(first=(-signal.SIGKILL, ""))),
        ("traceback", case(first=(1, "Traceback (most recent call last):\nOSError: 5"))),
        ("many lines", case(first=(1, "error: a\nand b"))),
        ("no line", case(first=(1, ""))),
        ("exit 70", case(first=(70, ""))),
        ("signal 7", case(first=(-signal.SIGBUS, ""))),
        ("hang", case(first=(-signal.SIGALRM, ""))),
        ("again: one line", case(second=(2, "error: not a set"))),
        ("again: other files", case(differences=["set/.a.partial (left over)"])),
    ],
)
def test_a_case_is_right_or_says_what_is_wrong(verdict, what):
    assert what.verdict == verdict


def test_counts_of_a_command():
    cases = [case(), case("kill", first=(-9, "")), case(first=(1, "error: x")), case(first=(1, ""))]
    assert counts(cases) == [
        {"command": "pack", "faults": 4, "one line": 1, "well": 1, "killed": 1, "wrong": 1, "kinds": "no line (1)"}
    ]


def test_content_without_what_differs_between_undisturbed_runs(tmp_path):
    for name, seconds in (("a", 1), ("b", 2)):
        folder = tmp_path / name
        write_json(folder / "result.json", {"seconds": seconds, "rank1": 50.0, "host": name, "rows": [1, 2]})
        np.savez(folder / "F.npz", x=np.arange(3))
    wanted = steady(leaves(tmp_path / "a"), leaves(tmp_path / "b"))
    assert differences(wanted, leaves(tmp_path / "b")) == []
    np.savez(tmp_path / "b/F.npz", x=np.arange(4))
    write_json(tmp_path / "b/result.json", {"seconds": 3, "rank1": 51.0, "host": "b", "rows": [1]})
    (tmp_path / "b/.F.npz.1.partial").touch()
    assert sorted(differences(wanted, leaves(tmp_path / "b"))) == [
        ".F.npz.1.partial (left over)",
        "F.npz#/x",
        "result.json#/rank1",
        "result.json#/rows/1",
    ]


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("cc"), reason="preloads a library: Linux, a C compiler")
@pytest.mark.parametrize(("command", "every"), [("unpack", 29), ("index", 97)])
def test_failing_calls_end_in_one_line_and_the_same_command_goes_on(tmp_path, command, every):
    words = ("--commands", command, "--every", every, "--out", tmp_path / "faults", "--json", tmp_path / "faults.json")
    done = python("-m", "benchmarks.faults.nth_call", *words)
    assert done.returncode == 0, done.stderr + done.stdout
    result = json.loads((tmp_path / "faults.json").read_text())
    assert result["wrong"] == []
    assert result["counts"][0]["faults"] > 4
    assert {"one line", "killed"} <= {end for end, count in result["counts"][0].items() if count}
