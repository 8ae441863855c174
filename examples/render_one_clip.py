"""Render one clip from Python, without Ray, and save its frames and joints: `render_one_clip.py OUT`.

Writes OUT/0001.png, … (128x64 pixels) and OUT/joints.npz: `joints2d` (T, 18, 2) in pixels and `joints_visible` (T, 18).
"""

import sys
from pathlib import Path

import imageio.v3 as iio
import numpy as np

from synth.body.model import BodyModel
from synth.planning.config import RenderConfig
from synth.planning.plan import make_plan
from synth.rendering.clip_renderer import render_clip


def main(out: Path) -> None:
    """Plan, render and save one clip."""
    # A plan is data: one entry for each person and camera. Nothing is rendered yet.
    plan = make_plan(RenderConfig(ids=2, frames=3, samples=4, seed=7))
    clip = next(clip for clip in plan if clip.name == "cam_a/person_0001")
    print(f"{clip.name}: {clip.frames} frames, {len(clip.sightings)} scenes, wears a {clip.identity.outfit.top.kind}")

    rendered = render_clip(BodyModel(), clip, "cpu")

    out.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(rendered.frames, start=1):
        iio.imwrite(out / f"{number:04d}.png", frame)
    joints = np.stack([truth.joints2d for truth in rendered.truth])
    visible = np.stack([truth.joints_visible for truth in rendered.truth])
    np.savez(out / "joints.npz", joints2d=joints, joints_visible=visible)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
