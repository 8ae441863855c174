"""Renders clips in parallel on Ray: one single-threaded Blender a core, of this machine or of a cluster.

Workers may die at any moment, and machines with them: their clips are given to others.
"""

import gc
import logging
import os
import platform
import re
import socket
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alignnet_common.errors import JobError, UserError
from alignnet_common.files import DISK_FULL, PROJECT_ROOT, write_atomically
from alignnet_common.set_format import ManifestRow
from synth.dataset.layout import RenderedSet
from synth.planning.clip import Clip

CLIPS_BEFORE_RECYCLING = 200
"""Blender leaks a little with every scene: a worker is replaced after this many clips."""
TRIES = 3
"""How often a clip is tried before the set goes on without it."""


class Renderer:
    """A worker: one Blender and one body model for its whole life. Becomes a Ray actor."""

    def __init__(self, out: Path, device: str) -> None:
        self._target = RenderedSet(out)
        self._device = device

    def ready(self) -> None:
        """Get Blender's device and the body model; called once, before any clip. (What fails in `__init__` Ray would
        report as text.)

        Raises UserError on a machine that does not see the set, or has no such device.
        """
        from synth.body.model import BodyModel
        from synth.rendering.devices import pick_device

        if not self._target.out.is_dir():
            raise UserError(
                f"{platform.node()} does not see {self._target.out}: name a folder that all machines share by --out"
            )
        self._device = pick_device(self._device)  # "auto" may mean another one on each machine of a cluster
        self._model = BodyModel()
        # Nothing that is there by now ever goes: collections need not look through it again and again.
        gc.freeze()

    def render(self, clip: Clip) -> ManifestRow:
        """Render and store one clip; returns its row for the manifest."""
        from synth.dataset.writer import write_clip
        from synth.rendering.clip_renderer import render_clip

        return write_clip(self._target, clip, render_clip(self._model, clip, self._device))


def start_ray(workers: int, address: str | None = None) -> int:
    """Start Ray on this machine, quietly, with `workers` slots, or join the cluster at `address`.

    Returns the number of cores there are to render on. Raises UserError where there is no such cluster.
    """
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Ray prints what happens to its workers; what matters of it reaches the user as one line, from `report_of`.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", "^")
    import ray

    if address is not None:
        check_address(address)
    here: dict[str, Any] = {"address": "local", "num_cpus": workers, "include_dashboard": False}
    try:
        ray.init(
            **(here if address is None else {"address": address}),
            configure_logging=True,
            logging_level=logging.CRITICAL,
            log_to_driver=False,
            # Workers import this checkout whatever folder the command was typed in.
            runtime_env={"env_vars": {"PYTHONPATH": str(PROJECT_ROOT), "OMP_NUM_THREADS": "1"}},
        )
    except (ConnectionError, ValueError, RuntimeError) as failure:
        if address is None:
            raise
        raise no_cluster(address, str(failure).strip().splitlines()[0]) from None
    return int(ray.cluster_resources().get("CPU", 0))


def check_address(address: str) -> None:
    """Raise UserError where nobody answers at a host:port: Ray itself would knock for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or host.startswith("ray:"):
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, UnicodeError) as failure:  # a name that no host can have does not become bytes
        raise no_cluster(address, getattr(failure, "strerror", None) or str(failure)) from None


def no_cluster(address: str, why: str) -> UserError:
    """What the user is told where `address` is no cluster's."""
    return UserError(f"--address {address}: no Ray cluster there ({why}): start one with ray start --head")


def stop_ray() -> None:
    """Stop Ray and its workers, or leave the cluster."""
    import ray

    ray.shutdown()


class Crew:
    """Renderers that are on their way, idle, or at work on a clip; who dies is replaced by who calls."""

    def __init__(self, out: Path, device: str) -> None:
        import ray

        self._ray, self._hand = ray, (out, device)
        # Neither Ray's restarts nor its retries: a machine that is gone would be waited for.
        self._renderer = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(Renderer)
        self._starting: dict[Any, Any] = {}
        self._idle: list[Any] = []
        self._done_by = Counter[Any]()
        self.running: dict[Any, tuple[Any, Clip]] = {}

    def hire(self, count: int = 1) -> None:
        """Have so many more renderers started; a cluster without room for them starts them when it has."""
        for _ in range(count):
            renderer = self._renderer.remote(*self._hand)
            self._starting[renderer.ready.remote()] = renderer

    def set_to_work(self, waiting: deque[Clip]) -> None:
        """Give the idle ones clips from the front of those that wait."""
        while waiting and self._idle:
            renderer, clip = self._idle.pop(), waiting.popleft()
            self.running[renderer.render.remote(clip)] = renderer, clip

    def next_report(self) -> tuple[Clip | None, ManifestRow | None, Exception | None]:
        """Wait until a renderer has come up, finished its clip, or failed: the clip, its row, the failure."""
        (done,), _ = self._ray.wait([*self.running, *self._starting], num_returns=1)
        renderer, clip = self.running.pop(done) if done in self.running else (self._starting.pop(done), None)
        try:
            row = self._ray.get(done)
        except self._ray.exceptions.RayError as failure:
            if is_death(failure):
                self._done_by.pop(renderer, None)
                self._ray.kill(renderer)  # what is lost may be its answer alone
            elif clip is not None:
                self._idle.append(renderer)
            return clip, None, failure
        self._done_by[renderer] += clip is not None
        if self._done_by[renderer] < CLIPS_BEFORE_RECYCLING:
            self._idle.append(renderer)
        else:
            self._ray.kill(renderer)
            del self._done_by[renderer]
            self.hire()
        return clip, row, None


def render_all(clips: list[Clip], out: Path, workers: int, device: str) -> Iterator[ManifestRow]:
    """Render `clips` on `workers` processes; yields manifest rows as clips finish, in any order.

    A worker that dies is replaced. A clip that fails, or whose worker dies, is tried again after the others, three
    times in all. Raises JobError at the end where clips could not be rendered, and at once where no worker starts, with
    Ray's reports in a file of the set; the user's mistake and a full disk come as they are.
    """
    crew, waiting = Crew(out.resolve(), device), deque(clips)
    tries, lost, never_came = Counter[str](), dict[str, Exception](), 0
    # anny fills its cache without a lock, and takes a minute the first time: one worker goes ahead.
    crew.hire()
    others = min(workers, len(clips)) - 1
    while waiting or crew.running:
        crew.set_to_work(waiting)
        clip, row, failure = crew.next_report()
        if failure is None:
            never_came = 0
            crew.hire(others)
            others = 0
            if row is not None:
                yield row
            continue
        cause = getattr(failure, "cause", None)
        if isinstance(cause, UserError) or (isinstance(cause, OSError) and cause.errno in DISK_FULL):
            raise cause
        if is_death(failure):
            crew.hire()
        if clip is None:
            never_came += 1
            cannot_begin = not is_death(failure) or getattr(failure, "actor_init_failed", False)
            if never_came == TRIES * workers or cannot_begin:
                raise complaint({"Clips": failure}, out)
        else:
            tries[clip.name] += 1
            if tries[clip.name] < TRIES:
                waiting.append(clip)
            else:
                lost[clip.name] = failure
    if lost:
        raise complaint(lost, out)


def is_death(failure: Exception) -> bool:
    """Whether a renderer is gone, whatever took it: Ray tells a crash, a lost machine and a kill for memory apart. Else
    it is well, and the clip failed."""
    from ray.exceptions import RayTaskError

    return not isinstance(failure, RayTaskError)


def complaint(lost: dict[str, Exception], out: Path) -> JobError:
    """One line about the clips that Ray could not get rendered, with its whole reports in a file of the set."""
    file = RenderedSet(out).failure
    reports = (f"{clip}\n{failure}\n" for clip, failure in lost.items())
    write_atomically(file, re.sub(r"\x1b\[\d*m", "", "\n".join(reports)).encode())
    clip, failure = next(iter(lost.items()))
    cause = getattr(failure, "cause", None)
    if cause is not None:
        what = f"{type(cause).__name__}: {cause}"
    elif getattr(failure, "actor_init_failed", False):
        what = f"no worker starts: {str(failure).strip().splitlines()[-1]}"
    else:
        what = f"its worker died {TRIES} times"
    others = f", nor {len(lost) - 1} more; all others are there" if len(lost) > 1 else ""
    return JobError(f"{clip} cannot be rendered: {what}{others}: more in {file}; the same command tries again")
