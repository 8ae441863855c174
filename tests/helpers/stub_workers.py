"""`python -m synth.render` on a real Ray with workers that do not use Blender: `stub_workers.py HOW OPTIONS...`.

HOW is one of:
well, brisk, slow -- every clip succeeds, in no time, 0.1 s or 1 s
tired -- a worker is replaced after three clips; it appends its process id to workers.txt beside the set for each clip
error, mistake, full -- cam_a/person_0002 raises ValueError, UserError or "disk full"
death, memory -- the process of cam_a/person_0002 ends; with memory, Ray reports that it ran out of memory
unfit -- no worker can be started
"""

import errno
import os
import sys
import time

import numpy as np

from alignnet_common.cli import run_command
from alignnet_common.errors import UserError
from synth import render
from synth.dataset.annotations import FrameTruth, RenderedClip
from synth.dataset.layout import RenderedSet
from synth.dataset.writer import write_clip
from synth.planning.config import RenderConfig
from synth.rendering import workers

how = sys.argv.pop(1)
FAILURES = {
    "error": ValueError("the cloth\nis torn"),
    "mistake": UserError("--motion: no such dance"),
    "full": OSError(errno.ENOSPC, "No space left on device", "0001.png"),
}


def nobody():
    """Annotations of a frame without a person."""
    points, nothing = np.zeros((18, 3)), np.zeros(4)
    parts = np.zeros((3, 128, 64), bool)
    return FrameTruth(points[:, :2], points, np.zeros(18, bool), parts[0], parts, 0.0, nothing, nothing)


class StubRenderer:
    """Replaces `synth.rendering.workers.Renderer`; the frames are random noise."""

    def __init__(self, out, device):
        self.target = RenderedSet(out)

    def ready(self):
        if how == "unfit":
            raise RuntimeError("no body")

    def work(self, clip):
        if clip.name == "cam_a/person_0002":
            if how in ("death", "memory"):
                os._exit(7)
            if how in FAILURES:
                raise FAILURES[how]
        if how == "tired":
            with (self.target.out.parent / "workers.txt").open("a") as workers:
                workers.write(f"{os.getpid()}\n")
        time.sleep({"slow": 1.0, "brisk": 0.1}.get(how, 0.0))
        frames = clip.frame_rng().integers(0, 256, (clip.frames, 128, 64, 3), dtype=np.uint8)
        camera = np.tile(np.eye(3), (clip.frames, 1, 1))
        once = np.zeros(clip.frames, int)
        rendered = RenderedClip(frames, [nobody()] * clip.frames, camera, np.eye(3), np.zeros(3), once)
        return write_clip(self.target, clip, rendered)


def short_of_memory(workers, address=None):
    """Start Ray so that dead actors are reported as killed by its memory monitor."""
    cores = start_ray(workers, address)
    import ray  # after the environment that `start_ray` makes for it

    get = ray.get

    def told(reference):
        try:
            return get(reference)
        except ray.exceptions.RayActorError as death:
            raise ray.exceptions.OutOfMemoryError(str(death)) from None

    ray.get = told
    return cores


workers.Renderer = StubRenderer
start_ray = render.start_ray
if how == "memory":
    render.start_ray = short_of_memory
if how == "tired":
    workers.CLIPS_BEFORE_RECYCLING = 3
render.pick_device = lambda wanted: "cpu"
run_command(render.render, RenderConfig, "stub", goes_on=True)
