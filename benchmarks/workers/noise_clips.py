"""Clips of noise in place of rendered ones."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from alignnet_common.set_format import ManifestRow


def noise_clips(clips: list, out: Path, workers: int, device: str) -> Iterator[ManifestRow]:
    """Write clips of noise into a set; yields the row of each."""
    from synth.dataset.annotations import FrameTruth, RenderedClip
    from synth.dataset.layout import RenderedSet
    from synth.dataset.writer import write_clip

    for clip in clips:
        rng = clip.frame_rng()
        points, parts, box = rng.uniform(0, 60, (18, 3)), rng.random((3, 128, 64)) < 0.5, np.zeros(4)
        frame = FrameTruth(points[:, :2], points, points[:, 0] < 30, parts[0], parts, 0.5, box, box)
        pixels = rng.integers(0, 256, (clip.frames, 128, 64, 3), dtype=np.uint8)
        camera, once = np.tile(np.eye(3), (clip.frames, 1, 1)), np.zeros(clip.frames, int)
        rendered = RenderedClip(pixels, [frame] * clip.frames, camera, np.eye(3), np.zeros(3), once)
        yield write_clip(RenderedSet(out), clip, rendered)
