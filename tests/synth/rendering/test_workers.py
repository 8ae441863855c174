"""Failures while rendering on Ray: clips that fail, workers that die, Ctrl-C."""

import contextlib
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from alignnet_common.cluster.pool import TRIES, Job, job_error
from alignnet_common.cluster.ray_session import check_address, interrupt_check
from alignnet_common.errors import JobError, UserError
from benchmarks.survival import BLOWS, strike
from benchmarks.workers.sessions import end_session, session_of
from synth.dataset.hashes import pixels_sha256
from synth.planning.config import RenderConfig
from synth.planning.plan import make_plan
from synth_runs import PROJECT_ROOT, hashes, python, rows, started

ray = pytest.importorskip("ray")

STUB = PROJECT_ROOT / "tests" / "helpers" / "stub_workers.py"


def stub(how, out, *options):
    return STUB, how, "--frames", 2, "--workers", 2, "--out", out, *options


def words(printed):
    """Lines on a stream without progress bars, which a slow machine also shows for planning and checking."""
    lines = printed.replace("\r", "\n").splitlines()
    return [line for line in lines if line.strip() and not line.startswith(("render on 2", "plan: ", "check "))]


def failed(out, finished):
    """The error line of a run in which cam_a/person_0002 failed."""
    assert finished.returncode == 1
    assert len(finished.stdout.splitlines()) == 1
    (line,) = words(finished.stderr)
    assert "cam_a/person_0002" in line
    assert str(out / "failure.txt") in line
    return line


@pytest.mark.slow
def test_a_clip_that_fails_three_times_is_reported_and_all_others_are_rendered(tmp_path):
    out = tmp_path / "set"
    assert "ValueError: the cloth is torn" in failed(out, python(*stub("error", out, "--ids", 3)))
    report = (out / "failure.txt").read_text()
    assert "raise FAILURES[how]" in report
    assert "\x1b" not in report
    done = hashes(out)
    assert len(done) == 5
    assert "cam_a/person_0002" not in done
    # Once the cause is gone that clip is rendered, and more people if there are to be more; the report goes.
    again = python(*stub("well", out, "--ids", 4))
    assert again.returncode == 0, again.stderr
    assert words(again.stderr) == []
    assert "8 clips planned, 5 there, 3 to render" in again.stdout
    clips = make_plan(RenderConfig(ids=4, frames=2))
    noise = {clip.name: clip.frame_rng().integers(0, 256, (2, 128, 64, 3), dtype=np.uint8) for clip in clips}
    assert list(hashes(out).items()) == [(name, pixels_sha256(frames)) for name, frames in noise.items()]
    assert not (out / "failure.txt").exists()


def test_a_worker_that_cannot_start_ends_the_run_with_the_reason(tmp_path):
    out = tmp_path / "set"
    finished = python(*stub("unfit", out, "--ids", 2))
    assert finished.returncode == 1
    (line,) = words(finished.stderr)
    assert "RuntimeError: no body" in line
    assert str(out / "failure.txt") in line
    assert hashes(out) == {}


def test_a_missing_device_is_a_user_error(tmp_path):
    """Checked when a worker gets ready: Ray would hand on an exception of `__init__` as text."""
    pytest.importorskip("bpy")
    ready = f"Renderer(Path({str(tmp_path)!r}), 'abacus').ready()"
    finished = python("-c", f"from pathlib import Path; from synth.rendering.workers import Renderer; {ready}")
    assert "UserError: --device abacus" in finished.stderr


@pytest.mark.slow
def test_a_clip_whose_worker_keeps_dying_is_given_up(tmp_path):
    out = tmp_path / "set"
    assert f"died {TRIES} times" in failed(out, python(*stub("death", out, "--ids", 2)))
    assert "worker process has died" in (out / "failure.txt").read_text()
    assert sorted(hashes(out)) == ["cam_a/person_0001", "cam_b/person_0001", "cam_b/person_0002"]


def test_a_worker_killed_for_its_memory_is_replaced(tmp_path):
    out = tmp_path / "set"
    assert f"died {TRIES} times" in failed(out, python(*stub("memory", out, "--ids", 4)))
    assert len(hashes(out)) == 7


@pytest.mark.slow
def test_a_worker_is_replaced_after_a_number_of_clips(tmp_path):
    out = tmp_path / "set"
    finished = python(*stub("tired", out, "--ids", 5))
    assert finished.returncode == 0, finished.stderr
    assert words(finished.stderr) == []
    assert len(hashes(out)) == 10
    done_by = Counter((tmp_path / "workers.txt").read_text().split())
    assert sum(done_by.values()) == 10
    assert max(done_by.values()) == 3


@pytest.mark.parametrize(
    ("how", "code", "key"),
    [("mistake", 2, "--motion: no such dance"), ("full", 1, "disk is full (0001.png)")],
)
def test_a_user_error_and_a_full_disk_end_the_run_at_once(tmp_path, how, code, key):
    out = tmp_path / "set"
    finished = python(*stub(how, out, "--ids", 3))
    assert finished.returncode == code
    (line,) = words(finished.stderr)
    assert key in line
    assert not (out / "failure.txt").exists()
    assert "cam_a/person_0002" not in hashes(out)


@pytest.mark.slow
def test_a_set_rendered_under_blows_equals_an_undisturbed_set(tmp_path):
    struck, peace = tmp_path / "struck", tmp_path / "peace"
    command = [sys.executable, *map(str, stub("brisk", struck, "--ids", 30))]
    ordeal = strike(command, struck, 60, 3, random.Random(0))
    assert sorted(ordeal.struck) == sorted(BLOWS)
    assert ordeal.starts == 3
    assert ordeal.forgotten == 0
    assert 0 <= ordeal.unlisted <= 2 * 2  # at most what the two workers had in hand
    assert python(*stub("well", peace, "--ids", 30)).returncode == 0
    assert list(hashes(struck).items()) == list(hashes(peace).items())
    assert python("-m", "synth.verify", struck).returncode == 0


@pytest.mark.slow
def test_other_machines_finish_when_one_of_the_cluster_is_lost(tmp_path):
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        second = cluster.add_node(num_cpus=1)
        out = tmp_path / "set"
        options = ("--ids", 10, "--frames", 2, "--out", out, "--address", cluster.address, "--device", "cpu")
        running = started(STUB, "slow", *options)
        deadline = time.monotonic() + 200
        while not (out / "manifest.jsonl").is_file() or len(rows(out / "manifest.jsonl")) < 6:
            assert running.poll() is None, running.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        cluster.remove_node(second, allow_graceful=False)
        printed, shown = running.communicate(timeout=200)
        assert running.returncode == 0, shown
        assert "render on 2 × cpu" in shown
        assert printed.splitlines()[-1].startswith(f"{out}: complete, 20 clips")
        assert len(hashes(out)) == 20
    finally:
        cluster.shutdown()


def test_an_address_without_a_cluster_is_refused(tmp_path):
    finished = python(STUB, "well", "--ids", 1, "--out", tmp_path / "set", "--address", "127.0.0.1:9")
    assert finished.returncode == 2
    (line,) = words(finished.stderr)
    assert "--address 127.0.0.1:9" in line


def test_an_invalid_host_name_is_refused():
    with pytest.raises(UserError, match=r"--address host\.\.name:6379"):
        check_address("host..name:6379")


def test_two_commands_do_not_write_to_one_set(tmp_path):
    out = tmp_path / "set"
    running = started(*stub("slow", out, "--ids", 50))
    try:
        deadline = time.monotonic() + 120
        while not (out / "manifest.jsonl").is_file():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        second = python(*stub("well", out, "--ids", 50))
        assert second.returncode == 2
        (line,) = words(second.stderr)
        assert f"is writing to {out}" in line
    finally:
        end_session(running.pid)


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
        (line,) = words(printed)
        assert "interrupted" in line
        assert 2 <= len(hashes(out)) < 50
        while session_of(running.pid) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert session_of(running.pid) == {}
    finally:
        for process in session_of(running.pid):
            os.kill(process, signal.SIGKILL)


def test_ctrl_c_that_ray_swallows_still_ends_the_run():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interrupt_check() as check:
        check()
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        check()
    assert signal.getsignal(signal.SIGINT) is before


def test_failures_give_one_line_and_a_report(tmp_path):
    cause = ray.exceptions.RayTaskError("render", "\x1b[36mfirst line\x1b[39m\nlast line", RuntimeError("no body"))
    for failure, what in (
        (cause, "RuntimeError: no body"),
        (
            ray.exceptions.RayActorError(error_msg="gone\nlast words", actor_init_failed=True),
            "last words",
        ),
        (ray.exceptions.RayActorError(error_msg="gone"), f"died {TRIES} times"),
    ):
        job = Job(object, (), str, "Clips", "be rendered", tmp_path / "failure.txt")
        found = job_error({"cam_a/person_0001": failure, "cam_b/person_0001": cause}, job)
        assert isinstance(found, JobError)
        assert "cam_a/person_0001" in str(found)
        assert what in str(found)
        assert "1 more" in str(found)
        assert str(tmp_path / "failure.txt") in str(found)
        assert "cam_b/person_0001" in (tmp_path / "failure.txt").read_text()
    assert [path for path in Path(tmp_path).iterdir() if path.name != "failure.txt"] == []
