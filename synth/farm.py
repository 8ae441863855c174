"""Renders clips in parallel on Ray: one single-threaded Blender a core."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from synth.plan import Clip
from synth.store import RenderedSet

CLIPS_BEFORE_RECYCLING = 200
"""Blender leaks a little with every scene: a worker is replaced after this many clips."""


class Renderer:
    """A worker: one Blender and one body model for its whole life. Becomes a Ray actor."""

    def __init__(self, out: Path, device: str) -> None:
        from synth.body import BodyModel

        self._target = RenderedSet(out)
        self._device = device
        self._model = BodyModel()

    def render(self, clip: Clip) -> dict[str, Any]:
        """Render and store one clip; returns its row for the manifest."""
        from synth.clip import render_clip
        from synth.store import write_clip

        return write_clip(self._target, clip, render_clip(self._model, clip, self._device))


def start_ray(workers: int) -> None:
    """Start Ray on this machine, quietly, with `workers` slots."""
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    ray.init(
        num_cpus=workers,
        include_dashboard=False,
        configure_logging=True,
        logging_level=logging.ERROR,
        log_to_driver=False,
        # Workers import this checkout whatever folder the command was typed in.
        runtime_env={"env_vars": {"PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"}},
    )


def render_all(clips: list[Clip], out: Path, workers: int, device: str) -> Iterator[dict[str, Any]]:
    """Render `clips` on `workers` processes; yields manifest rows as clips finish, in any order."""
    import ray

    remote_renderer = ray.remote(num_cpus=1, max_restarts=3, max_task_retries=3)(Renderer)
    target = out.resolve()
    waiting = list(reversed(clips))
    actors = [remote_renderer.remote(target, device) for _ in range(min(workers, len(clips)))]
    done_by = dict.fromkeys(range(len(actors)), 0)
    running: dict[Any, int] = {actor.render.remote(waiting.pop()): slot for slot, actor in enumerate(actors)}
    while running:
        (ready,), _ = ray.wait(list(running), num_returns=1)
        slot = running.pop(ready)
        row = ray.get(ready)
        done_by[slot] += 1
        if waiting:
            if done_by[slot] % CLIPS_BEFORE_RECYCLING == 0:
                ray.kill(actors[slot])
                actors[slot] = remote_renderer.remote(target, device)
            running[actors[slot].render.remote(waiting.pop())] = slot
        yield row
