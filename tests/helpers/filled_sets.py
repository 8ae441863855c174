"""Rendered sets of random noise, written by the real writer without rendering."""

import sys

import numpy as np
import pytest

from alignnet_common.cli import run_command
from synth.dataset.annotations import FrameTruth, RenderedClip
from synth.dataset.layout import RenderedSet
from synth.dataset.manifest import append_row, begin_set
from synth.dataset.writer import write_clip
from synth.planning.config import RenderConfig
from synth.planning.plan import make_plan
from synth.verify import VerifyConfig, verify

PLAN = make_plan(RenderConfig(ids=3, frames=2))


def noise(clip):
    """A clip with random frames and annotations."""
    rng = clip.frame_rng()
    truth = [
        FrameTruth(
            joints2d=rng.uniform(0, 60, (18, 2)),
            joints3d=rng.normal(size=(18, 3)),
            joints_visible=rng.random(18) < 0.5,
            mask=rng.random((128, 64)) < 0.5,
            part_masks=rng.random((3, 128, 64)) < 0.5,
            visible_ratio=0.75,
            box=np.array([1.0, 2, 3, 4]),
            amodal_box=np.array([-1.0, 2, 3, 4]),
        )
        for _ in range(clip.frames)
    ]
    frames = rng.integers(0, 256, (clip.frames, 128, 64, 3), dtype=np.uint8)
    sighting = np.repeat(np.arange(len(clip.sightings)), [each.frames for each in clip.sightings])
    return RenderedClip(frames, truth, np.tile(np.eye(3), (clip.frames, 1, 1)), np.eye(3), np.zeros(3), sighting)


def filled(out, plan=PLAN, clips=None):
    """A set that contains these clips of the plan. Default: all."""
    target = RenderedSet(out)
    begin_set(target, plan, [])
    for clip in plan if clips is None else clips:
        append_row(target, write_clip(target, clip, noise(clip)))
    return target


def names(clips):
    return [clip.name for clip in clips]


def verified(monkeypatch, capsys, out, *options):
    """Run `synth.verify`: the exit code, the lines of standard output, and the error line, "" if there is none."""
    monkeypatch.setattr(sys, "argv", ["verify", str(out), *map(str, options)])
    with pytest.raises(SystemExit) as stop:
        run_command(verify, VerifyConfig, "verify")
    printed = capsys.readouterr()
    complaints = [line for line in printed.err.splitlines() if line.startswith("error: ")]
    assert len(complaints) <= 1
    return stop.value.code, printed.out.splitlines(), "".join(complaints)


def flip(path, place):
    """Flip the lowest bit of the byte at `place` of a file."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
