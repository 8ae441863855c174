"""File locks between processes: exclusive, shared, waiting."""

import subprocess
import sys
import time

import pytest

from alignnet_common.errors import UserError
from alignnet_common.locks import file_lock

pytest.importorskip("fcntl")

HOLDER = """
import sys, time
from pathlib import Path
from alignnet_common.locks import file_lock
with file_lock(Path(sys.argv[1]), shared=sys.argv[2] == "shared"):
    print("held", flush=True)
    sys.stdin.readline()
    Path(sys.argv[1]).with_name("released").touch()
"""


@pytest.fixture
def holder(tmp_path):
    """Starts a process that holds tmp_path/lock until a line is written to its standard input."""
    started = []

    def start(kind):
        words = [sys.executable, "-c", HOLDER, str(tmp_path / "lock"), kind]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize(("theirs", "shared"), [("alone", False), ("alone", True), ("shared", False)])
def test_an_exclusive_lock_excludes_others(tmp_path, holder, theirs, shared):
    holder(theirs)
    with pytest.raises(UserError, match="at work"), file_lock(tmp_path / "lock", "at work", shared=shared):
        pass


def test_shared_holders_do_not_exclude_each_other_and_the_last_one_deletes_the_file(tmp_path, holder):
    other = holder("shared")
    with file_lock(tmp_path / "lock", "at work", shared=True):
        pass
    assert (tmp_path / "lock").exists()
    other.communicate("go\n")
    assert not (tmp_path / "lock").exists()


def test_without_a_complaint_the_lock_is_waited_for(tmp_path, holder):
    other = holder("alone")
    other.stdin.write("go\n")
    other.stdin.flush()
    with file_lock(tmp_path / "lock"):
        assert (tmp_path / "released").exists()
    assert not (tmp_path / "lock").exists()


def test_a_killed_holder_releases_the_lock(tmp_path, holder):
    other = holder("alone")
    other.kill()
    other.wait()
    started = time.monotonic()
    with file_lock(tmp_path / "lock", "at work"):
        assert time.monotonic() - started < 5
