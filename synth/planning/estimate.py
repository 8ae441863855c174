"""What rendering will cost, before it begins: hours and disk."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from alignnet_common.errors import JobError
from synth.planning.clip import Clip

SIGHTING_SECONDS, FRAME_SECONDS, SAMPLE_SECONDS, DENOISE_SECONDS = 0.2, 0.075, 0.034, 0.025
"""Seconds on one core that a sighting takes to be built, each of its frames, a frame's samples, and taking out their
grain: measured on a server's core of 2023; others take half or twice as long."""
FRAME_BYTES, SIGHTING_BYTES, CLIP_BYTES = 16_000, 21_000, 4_000
"""Bytes of disk for a frame with its share of the annotations, for a sighting in the plan (all that stands about is in
it), and for a clip's folder and rows: measured means."""


def core_seconds(clips: Sequence[Clip]) -> float:
    """Seconds on one core that the clips take to render."""
    each = (FRAME_SECONDS + clip.samples * SAMPLE_SECONDS + clip.denoise * DENOISE_SECONDS for clip in clips)
    return sum(
        len(clip.sightings) * SIGHTING_SECONDS + clip.frames * seconds
        for clip, seconds in zip(clips, each, strict=True)
    )


def disk_bytes(clips: Sequence[Clip]) -> int:
    """Bytes of disk that the clips take."""
    return sum(CLIP_BYTES + SIGHTING_BYTES * len(clip.sightings) + FRAME_BYTES * clip.frames for clip in clips)


def cost(clips: Sequence[Clip], cores: int) -> str:
    """One line: hours and disk for the clips."""
    hours = core_seconds(clips) / 3600
    one = "on one core"
    shared = one if cores == 1 else f"on {cores} cores ({in_hours(hours)} {one})"
    return f"about {in_hours(hours / cores)} {shared} of the kind measured, {disk_bytes(clips) / 1e9:.2f} GB of disk"


def in_hours(hours: float) -> str:
    """A duration as people say it."""
    return f"{hours:.1f} hours" if hours >= 1 else f"{60 * hours:.0f} minutes"


def check_space(out: Path, clips: Sequence[Clip]) -> None:
    """Raise JobError where the disk under `out` has clearly no room for the clips."""
    free, needed = shutil.disk_usage(out).free, disk_bytes(clips)
    if free < needed:
        raise JobError(
            f"{out} has room for {free / 1e6:.0f} MB, and {len(clips)} clips take about {needed / 1e6:.0f} MB: "
            "make space and run the same command again, or name another folder with --out"
        )
