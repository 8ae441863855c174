"""Renders clips in parallel on Ray: one single-threaded Blender per core, on this machine or a cluster."""

import gc
from collections.abc import Iterator
from pathlib import Path

from alignnet_common.cluster.pool import Job, check_seen, run_all
from alignnet_common.set_format import ManifestRow
from synth.dataset.layout import RenderedSet
from synth.planning.clip import Clip

CLIPS_BEFORE_RECYCLING = 200
"""A worker is replaced after this many clips, because Blender leaks a little memory with each scene."""


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

        check_seen(self._target.out, "--out")
        self._device = pick_device(self._device)  # "auto" may differ between machines of a cluster
        self._model = BodyModel()
        # Everything allocated so far lives until exit; freeze it so that the garbage collector skips it.
        gc.freeze()

    def work(self, clip: Clip) -> ManifestRow:
        """Render and write one clip; returns its row for the manifest."""
        from synth.dataset.writer import write_clip
        from synth.rendering.clip_renderer import render_clip

        return write_clip(self._target, clip, render_clip(self._model, clip, self._device))


def render_all(clips: list[Clip], out: Path, workers: int, device: str) -> Iterator[ManifestRow]:
    """Render `clips` with `workers` processes; yields manifest rows as clips finish, in any order.

    Ray has been started. Raises as `run_all`; Ray's reports of clips that fail go to a file of the set.
    """
    job = Job(
        Renderer,
        (out.resolve(), device),
        name_of=lambda clip: clip.name,
        tasks="Clips",
        cannot="be rendered",
        report=RenderedSet(out).failure,
        tasks_per_worker=CLIPS_BEFORE_RECYCLING,
        # anny fills its cache without a lock the first time, which takes longer.
        first_alone=True,
    )
    yield from run_all(job, clips, workers)
