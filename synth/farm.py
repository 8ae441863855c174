"""Renders clips in parallel on Ray: one single-threaded Blender a core."""

import errno
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kit.command import JobError, UserError
from kit.files import write_atomically
from synth.plan import Clip
from synth.store import RenderedSet

CLIPS_BEFORE_RECYCLING = 200
"""Blender leaks a little with every scene: a worker is replaced after this many clips."""
RETRIES = 3
"""How often a worker that dies is restarted."""


class Renderer:
    """A worker: one Blender and one body model for its whole life. Becomes a Ray actor."""

    def __init__(self, out: Path, device: str) -> None:
        from synth.body import BodyModel

        self._target = RenderedSet(out)
        self._device = device
        self._model = BodyModel()

    def ready(self) -> None:
        """Return; the body model is there by then."""

    def render(self, clip: Clip) -> dict[str, Any]:
        """Render and store one clip; returns its row for the manifest."""
        from synth.clip import render_clip
        from synth.store import write_clip

        return write_clip(self._target, clip, render_clip(self._model, clip, self._device))


def start_ray(workers: int) -> None:
    """Start Ray on this machine, quietly, with `workers` slots."""
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Ray prints what happens to its workers; what matters of it reaches the user as one line, from `failure_of`.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", "^")
    import ray

    ray.init(
        address="local",
        num_cpus=workers,
        include_dashboard=False,
        configure_logging=True,
        logging_level=logging.CRITICAL,
        log_to_driver=False,
        # Workers import this checkout whatever folder the command was typed in.
        runtime_env={"env_vars": {"PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"}},
    )


def stop_ray() -> None:
    """Stop Ray and its workers."""
    import ray

    ray.shutdown()


def render_all(clips: list[Clip], out: Path, workers: int, device: str) -> Iterator[dict[str, Any]]:
    """Render `clips` on `workers` processes; yields manifest rows as clips finish, in any order.

    A worker that dies is restarted, and its clip tried again, up to three times. Raises JobError, which names the
    clip, where one cannot be rendered.
    """
    import ray

    remote_renderer = ray.remote(num_cpus=1, max_restarts=RETRIES, max_task_retries=RETRIES)(Renderer)
    target = out.resolve()
    waiting = list(reversed(clips))
    actors = [remote_renderer.remote(target, device)]
    try:
        # anny fills its cache without a lock, and takes a minute the first time: one worker goes ahead.
        ray.get(actors[0].ready.remote())
    except ray.exceptions.RayError as failure:
        raise failure_of(clips[0], failure, out) from None
    actors += [remote_renderer.remote(target, device) for _ in range(min(workers, len(clips)) - 1)]
    done_by = dict.fromkeys(range(len(actors)), 0)
    running: dict[Any, tuple[int, Clip]] = {}
    for slot, actor in enumerate(actors):
        clip = waiting.pop()
        running[actor.render.remote(clip)] = slot, clip
    while running:
        (ready,), _ = ray.wait(list(running), num_returns=1)
        slot, clip = running.pop(ready)
        try:
            row = ray.get(ready)
        except ray.exceptions.RayError as failure:
            raise failure_of(clip, failure, out) from None
        done_by[slot] += 1
        if waiting:
            if done_by[slot] % CLIPS_BEFORE_RECYCLING == 0:
                ray.kill(actors[slot])
                actors[slot] = remote_renderer.remote(target, device)
            clip = waiting.pop()
            running[actors[slot].render.remote(clip)] = slot, clip
        yield row


def failure_of(clip: Clip, failure: Exception, out: Path) -> Exception:
    """What to raise for a clip that Ray could not get rendered: the user's mistake or a full disk as it is, anything
    else in one line that names the clip, with Ray's whole report in a file of the set."""
    cause = getattr(failure, "cause", None)
    if isinstance(cause, UserError) or (isinstance(cause, OSError) and cause.errno == errno.ENOSPC):
        return cause
    report, file = re.sub(r"\x1b\[\d*m", "", str(failure)), RenderedSet(out).failure
    write_atomically(file, report.encode())
    if cause is not None:
        what = f"{type(cause).__name__}: {cause}"
    elif getattr(failure, "actor_init_failed", False):
        what = f"its worker does not start: {report.strip().splitlines()[-1]}"
    else:
        what = f"its worker died {RETRIES + 1} times"
    return JobError(f"{clip.name} cannot be rendered: {what}: more in {file}")
