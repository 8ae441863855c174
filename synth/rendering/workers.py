"""Renders clips in parallel on Ray: one single-threaded Blender per core, on this machine or a cluster.

Clips of workers and machines that die are given to others.
"""

import gc
import logging
import os
import platform
import re
import socket
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alignnet_common.errors import JobError, UserError
from alignnet_common.files import DISK_FULL, PROJECT_ROOT, write_atomically
from alignnet_common.set_format import ManifestRow
from synth.dataset.layout import RenderedSet
from synth.planning.clip import Clip
from synth.rendering.ray_folder import ray_folder

CLIPS_BEFORE_RECYCLING = 200
"""A worker is replaced after this many clips, because Blender leaks a little memory with each scene."""
TRIES = 3
"""Attempts per clip before the set goes on without it."""


class Renderer:
    """A worker with one Blender and one body model. Ray makes an actor of this class."""

    def __init__(self, out: Path, device: str) -> None:
        self._target = RenderedSet(out)
        self._device = device

    def ready(self) -> None:
        """Load the device and the body model; called once, before any clip.

        Not part of `__init__`, whose exceptions Ray reports only as text. Raises UserError if this machine cannot see
        the set's folder or has no such device.
        """
        from synth.body.model import BodyModel
        from synth.rendering.devices import pick_device

        if not self._target.out.is_dir():
            raise UserError(
                f"{platform.node()} does not see {self._target.out}: name a folder that all machines share by --out"
            )
        self._device = pick_device(self._device)  # "auto" may differ between machines of a cluster
        self._model = BodyModel()
        # Everything allocated so far lives until exit; freeze it so that the garbage collector skips it.
        gc.freeze()

    def render(self, clip: Clip) -> ManifestRow:
        """Render and write one clip; returns its row for the manifest."""
        from synth.dataset.writer import write_clip
        from synth.rendering.clip_renderer import render_clip

        return write_clip(self._target, clip, render_clip(self._model, clip, self._device))


def start_ray(workers: int, address: str | None = None) -> int:
    """Start Ray on this machine with `workers` slots and no output, or join the cluster at `address`.

    Returns the number of cores to render on. Raises UserError if there is no such cluster, or no folder for Ray's
    sockets, JobError if Ray does not start here for another reason.
    """
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Ray prints each death of a worker; `job_error` reports the final failures in one line.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", "^")
    import ray

    if address is not None:
        check_address(address)
    here: dict[str, Any] = {"address": "local", "num_cpus": workers, "include_dashboard": False}
    if address is None and (folder := ray_folder()):
        here["_temp_dir"] = str(folder)
    try:
        ray.init(
            **(here if address is None else {"address": address}),
            configure_logging=True,
            logging_level=logging.CRITICAL,
            log_to_driver=False,
            # Workers import this checkout whatever the current folder is.
            runtime_env={"env_vars": {"PYTHONPATH": str(PROJECT_ROOT), "OMP_NUM_THREADS": "1"}},
        )
    except (OSError, ValueError, RuntimeError) as failure:
        if isinstance(failure, OSError) and failure.errno in DISK_FULL:
            raise
        reason = (str(failure).strip() or type(failure).__name__).splitlines()[0]
        if address is None:
            raise JobError(f"Ray does not start on this machine ({reason})") from failure
        raise no_cluster(address, reason) from None
    return int(ray.cluster_resources().get("CPU", 0))


def check_address(address: str) -> None:
    """Raise UserError if nothing answers at a host:port address. Ray itself would retry for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or host.startswith("ray:"):
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, UnicodeError) as failure:  # invalid host names cannot be encoded
        raise no_cluster(address, getattr(failure, "strerror", None) or str(failure)) from None


def no_cluster(address: str, why: str) -> UserError:
    """The error for an address without a cluster."""
    return UserError(f"--address {address}: no Ray cluster there ({why}): start one with ray start --head")


def stop_ray() -> None:
    """Stop Ray and its workers, or leave the cluster."""
    import ray

    ray.shutdown()


@dataclass(frozen=True)
class Result:
    """Outcome of a worker's call: of a clip, or of a start if `clip` is None."""

    clip: Clip | None
    row: ManifestRow | None = None
    """The clip's row for the manifest, if it was rendered."""
    failure: Exception | None = None


class WorkerPool:
    """Ray actors that are starting, idle or rendering. A dead actor is not replaced before the next `start_workers`."""

    def __init__(self, out: Path, device: str) -> None:
        import ray

        self._ray, self._arguments = ray, (out, device)
        # Without Ray's restarts and retries: Ray would wait for a machine that is gone.
        self._actor = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(Renderer)
        self._starting: dict[Any, Any] = {}
        self._idle: list[Any] = []
        self._clips_done = Counter[Any]()
        self.running: dict[Any, tuple[Any, Clip]] = {}
        """Worker and clip by Ray's reference to the call."""

    def start_workers(self, count: int = 1) -> None:
        """Start `count` more workers. A cluster without free cores starts them later."""
        for _ in range(count):
            worker = self._actor.remote(*self._arguments)
            self._starting[worker.ready.remote()] = worker

    def assign(self, waiting: deque[Clip]) -> None:
        """Give clips from the front of `waiting` to idle workers."""
        while waiting and self._idle:
            worker, clip = self._idle.pop(), waiting.popleft()
            self.running[worker.render.remote(clip)] = worker, clip

    def next_result(self) -> Result:
        """Wait until a worker has started, finished its clip or failed.

        A dead worker is dropped; one that has rendered CLIPS_BEFORE_RECYCLING clips is replaced.
        """
        (done,), _ = self._ray.wait([*self.running, *self._starting], num_returns=1)
        worker, clip = self.running.pop(done) if done in self.running else (self._starting.pop(done), None)
        try:
            row = self._ray.get(done)
        except self._ray.exceptions.RayError as failure:
            if is_death(failure):
                self._clips_done.pop(worker, None)
                self._ray.kill(worker)  # the worker may live on if only its answer was lost
            elif clip is not None:
                self._idle.append(worker)
            return Result(clip, failure=failure)
        self._clips_done[worker] += clip is not None
        if self._clips_done[worker] < CLIPS_BEFORE_RECYCLING:
            self._idle.append(worker)
        else:
            self._ray.kill(worker)
            del self._clips_done[worker]
            self.start_workers()
        return Result(clip, row)


class FailureCounts:
    """Counts failed starts of workers and failed attempts per clip."""

    def __init__(self, workers: int) -> None:
        self._most_starts = TRIES * workers
        self._failed_starts = 0
        self._tries = Counter[str]()
        self.lost: dict[str, Exception] = {}
        """The last failure of each clip that was given up."""

    def reset_starts(self) -> None:
        """Start counting failed starts again, after a success."""
        self._failed_starts = 0

    def start_error(self, failure: Exception, out: Path) -> JobError | None:
        """The error to raise after a failed start, or None to try again.

        An exception ends the run at once, deaths only after TRIES starts per worker in a row.
        """
        self._failed_starts += 1
        is_hopeless = not is_death(failure) or getattr(failure, "actor_init_failed", False)
        return job_error({"Clips": failure}, out) if is_hopeless or self._failed_starts == self._most_starts else None

    def may_retry(self, clip: Clip, failure: Exception) -> bool:
        """Whether to try a failed clip again; if not, its failure is added to `lost`."""
        self._tries[clip.name] += 1
        if self._tries[clip.name] < TRIES:
            return True
        self.lost[clip.name] = failure
        return False


def render_all(clips: list[Clip], out: Path, workers: int, device: str) -> Iterator[ManifestRow]:
    """Render `clips` with `workers` processes; yields manifest rows as clips finish, in any order.

    Dead workers are replaced. A clip whose rendering fails or whose worker dies is tried again after the others, TRIES
    times in all. Raises JobError at the end if clips could not be rendered, and at once if no worker starts; Ray's
    reports go to a file of the set. UserError and OSError of a full disk are raised as they are.
    """
    pool, waiting, failures = WorkerPool(out.resolve(), device), deque(clips), FailureCounts(workers)
    # anny fills its cache without a lock, which takes a minute the first time: one worker starts before the others.
    pool.start_workers()
    others = min(workers, len(clips)) - 1
    while waiting or pool.running:
        pool.assign(waiting)
        result = pool.next_result()
        if result.failure is None:
            failures.reset_starts()
            pool.start_workers(others)
            others = 0
            if result.row is not None:
                yield result.row
            continue
        raise_if_final(result.failure)
        if is_death(result.failure):
            pool.start_workers()
        if result.clip is None:
            if error := failures.start_error(result.failure, out):
                raise error
        elif failures.may_retry(result.clip, result.failure):
            waiting.append(result.clip)
    if failures.lost:
        raise job_error(failures.lost, out)


def raise_if_final(failure: Exception) -> None:
    """Raise the cause of a failure if another attempt cannot help: a UserError or a full disk."""
    cause = getattr(failure, "cause", None)
    if isinstance(cause, UserError) or (isinstance(cause, OSError) and cause.errno in DISK_FULL):
        raise cause


def is_death(failure: Exception) -> bool:
    """Whether the worker died (crash, lost machine, out of memory). If not, the clip raised an exception."""
    from ray.exceptions import RayTaskError

    return not isinstance(failure, RayTaskError)


def job_error(lost: dict[str, Exception], out: Path) -> JobError:
    """The one-line error for clips that could not be rendered; writes Ray's full reports to a file of the set."""
    file = RenderedSet(out).failure
    reports = (f"{clip}\n{failure}\n" for clip, failure in lost.items())
    write_atomically(file, re.sub(r"\x1b\[\d*m", "", "\n".join(reports)).encode())
    clip, failure = next(iter(lost.items()))
    cause = getattr(failure, "cause", None)
    if cause is not None:
        reason = f"{type(cause).__name__}: {cause}"
    elif getattr(failure, "actor_init_failed", False):
        reason = f"no worker starts: {str(failure).strip().splitlines()[-1]}"
    else:
        reason = f"its worker died {TRIES} times"
    others = f", nor {len(lost) - 1} more; all others are there" if len(lost) > 1 else ""
    return JobError(f"{clip} cannot be rendered: {reason}{others}: more in {file}; the same command tries again")
