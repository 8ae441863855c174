"""Rendering on Ray when something goes wrong: clips that fail, workers that die, Ctrl-C."""

import contextlib
import errno
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from synth_runs import ROOT, hashes, python, rows, session_of, started

from kit.command import JobError, UserError
from synth.config import RenderConfig
from synth.farm import RETRIES, failure_of
from synth.plan import make_plan
from synth.store import pixels_sha256

ray = pytest.importorskip("ray")

STUB = ROOT / "tests" / "stub_farm.py"
CLIP = make_plan(RenderConfig(ids=1, frames=2))[0]


def stub(how, out, *options):
    return STUB, how, "--frames", 2, "--workers", 2, "--out", out, *options


def words(printed):
    """Lines on a stream, without the progress bar's."""
    lines = printed.replace("\r", "\n").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("render on 2")]


def failed(out, finished):
    """What the one line says of cam_a/person_0002, before it names the report."""
    assert finished.returncode == 1
    assert len(finished.stdout.splitlines()) == 1
    (line,) = words(finished.stderr)
    start, end = "error: cam_a/person_0002 cannot be rendered: ", f": more in {out / 'failure.txt'}"
    assert line.startswith(start)
    assert line.endswith(end)
    return line.removeprefix(start).removesuffix(end)


def test_a_clip_that_fails_is_named_in_one_line_and_the_same_command_goes_on(tmp_path):
    out = tmp_path / "set"
    assert failed(out, python(*stub("error", out, "--ids", 3))) == "ValueError: the cloth is torn"
    report = (out / "failure.txt").read_text()
    assert 'raise ValueError("the cloth' in report
    assert "\x1b" not in report
    done = hashes(out)
    assert "cam_a/person_0002" not in done
    # Once the cause is gone the rest is rendered, and more people if there are to be more; the report goes.
    again = python(*stub("well", out, "--ids", 4))
    assert again.returncode == 0, again.stderr
    assert words(again.stderr) == []
    assert f"8 clips planned, {len(done)} there, {8 - len(done)} to render" in again.stdout
    clips = make_plan(RenderConfig(ids=4, frames=2))
    noise = {clip.name: clip.frame_rng().integers(0, 256, (2, 128, 64, 3), dtype=np.uint8) for clip in clips}
    assert list(hashes(out).items()) == [(name, pixels_sha256(frames)) for name, frames in noise.items()]
    assert not (out / "failure.txt").exists()


def test_a_worker_that_keeps_dying_is_given_up_after_a_few_tries(tmp_path):
    out = tmp_path / "set"
    assert failed(out, python(*stub("death", out, "--ids", 2))) == f"its worker died {RETRIES + 1} times"
    assert "worker process has died" in (out / "failure.txt").read_text()
    assert "cam_a/person_0002" not in hashes(out)


def test_ctrl_c_ends_with_one_line_and_leaves_no_process(tmp_path):
    out = tmp_path / "set"
    running = started(*stub("slow", out, "--ids", 50))
    try:
        deadline = time.monotonic() + 120
        while not (out / "manifest.jsonl").is_file() or len(rows(out / "manifest.jsonl")) < 2:
            assert running.poll() is None, running.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert len(session_of(running.pid)) > 2
        # A terminal sends Ctrl-C to every process of the group.
        os.killpg(running.pid, signal.SIGINT)
        _, printed = running.communicate(timeout=60)
        assert running.returncode == 130
        assert words(printed) == ["error: interrupted; the same command goes on where it stopped"]
        assert 2 <= len(hashes(out)) < 50
        while session_of(running.pid) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert session_of(running.pid) == {}
    finally:
        for process in session_of(running.pid):
            os.kill(process, signal.SIGKILL)


def test_ctrl_c_that_ray_swallows_still_ends_the_run():
    from synth.render import noticing_interrupt

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), noticing_interrupt() as check:
        check()
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        check()
    assert signal.getsignal(signal.SIGINT) is before


def test_the_users_mistakes_and_a_full_disk_in_a_worker_stay_what_they_are(tmp_path):
    for cause in (UserError("no Blender here"), OSError(errno.ENOSPC, "No space left on device", "0001.png")):
        failure = ray.exceptions.RayTaskError("render", "a long report", cause)
        assert failure_of(CLIP, failure, tmp_path) is cause
    assert list(tmp_path.iterdir()) == []


def test_other_failures_are_a_line_and_a_report(tmp_path):
    cause = ray.exceptions.RayTaskError("render", "\x1b[36mfirst line\x1b[39m\nlast line", RuntimeError("no body"))
    for failure, what in (
        (cause, "RuntimeError: no body"),
        (
            ray.exceptions.RayActorError(error_msg="gone\nlast words", actor_init_failed=True),
            "does not start: last words",
        ),
        (ray.exceptions.RayActorError(error_msg="gone"), f"its worker died {RETRIES + 1} times"),
    ):
        found = failure_of(CLIP, failure, tmp_path)
        assert isinstance(found, JobError)
        assert str(found).startswith("cam_a/person_0001 cannot be rendered: ")
        assert what in str(found)
        assert str(tmp_path / "failure.txt") in str(found)
        assert (tmp_path / "failure.txt").read_text().strip()
    assert [path for path in Path(tmp_path).iterdir() if path.name != "failure.txt"] == []
