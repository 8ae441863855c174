"""Render a set of synthetic people: `python -m synth.render --ids 1000`."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from types import FrameType
from typing import Any

from tqdm import tqdm

from kit.command import UserError, as_plain, run, save_config
from kit.files import sha256_of_file, write_json
from synth import preflight
from synth.config import RenderConfig
from synth.plan import Clip, make_plan
from synth.store import RenderedSet, append_row, begin_set, finish_set, open_set


def render(config: RenderConfig) -> None:
    """Plan the set, render what is not there yet, and leave the manifest in order."""
    plan = make_plan(config)
    target = RenderedSet(config.out)
    finished, waiting = open_set(target, plan)
    frames = sum(clip.frames for clip in waiting)
    outlook = f"{len(plan)} clips planned, {len(finished)} there, {len(waiting)} to render ({frames} frames)"
    if config.dry_run:
        print(f"{config.out}: {outlook}")
        return
    problem = preflight.complaint((sys.version_info.major, sys.version_info.minor), need_packages=True)
    if problem:
        raise UserError(problem)
    started = time.monotonic()
    device = pick_device(config.device) if waiting else config.device
    begin_set(target, plan, finished)
    save_config(config, config.out / "config.yaml")
    print(f"{config.out}: {outlook}", flush=True)
    if waiting:
        workers = config.workers or available_cores()
        render_waiting(target, waiting, min(workers, len(waiting)), device)
    rows = finish_set(target, plan)
    write_json(config.out / "result.json", summary(config, target, rows, len(waiting), time.monotonic() - started))
    print(f"{config.out}: complete, {len(rows)} clips; look at it with: python -m synth.preview --data {config.out}")


def render_waiting(target: RenderedSet, waiting: list[Clip], workers: int, device: str) -> None:
    """Render the clips on Ray, entering each in the manifest as it finishes."""
    from synth import farm

    farm.start_ray(workers)
    frames = sum(clip.frames for clip in waiting)
    with tqdm(total=frames, unit="frame", desc=f"render on {workers} × {device}", smoothing=0.1) as bar:
        try:
            with noticing_interrupt() as check:
                for row in farm.render_all(waiting, target.out, workers, device):
                    append_row(target, row)
                    bar.update(row["frames"])
                    check()
        finally:
            farm.stop_ray()


@contextmanager
def noticing_interrupt() -> Iterator[Callable[[], None]]:
    """A check that raises KeyboardInterrupt where Ctrl-C was pressed since.

    Python raises it by itself, too, but an exception that is raised inside one of Ray's callbacks is lost.
    """
    pressed = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        signal.default_int_handler(number, frame)

    def check() -> None:
        if pressed:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pick_device(wanted: str) -> str:
    """The Cycles device to render on: `wanted`, or for "auto" the first kind of GPU that Cycles finds, else "cpu"."""
    if wanted == "cpu":
        return "cpu"
    from synth.stage import gpu_kinds

    found = gpu_kinds()
    if wanted == "auto":
        return found[0] if found else "cpu"
    if wanted not in found:
        raise UserError(f"--device {wanted}: Cycles finds no such device here (it finds: {', '.join(['cpu', *found])})")
    return wanted


def summary(
    config: RenderConfig, target: RenderedSet, rows: list[dict[str, Any]], rendered: int, seconds: float
) -> dict[str, Any]:
    """What result.json says of the set."""
    return {
        "command": "python -m synth.render",
        "config": as_plain(config),
        "seed": config.seed,
        "identities": len({row["person"] for row in rows}),
        "clips": len(rows),
        "frames": sum(row["frames"] for row in rows),
        "clips_rendered_now": rendered,
        "seconds": round(seconds, 1),
        "manifest_sha256": sha256_of_file(target.manifest),
        "versions": {name: version(name) for name in ("bpy", "anny", "ray", "numpy", "pillow")},
    }


if __name__ == "__main__":
    run(render, RenderConfig, "python -m synth.render")
