"""Estimates of render time and disk space."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from alignnet_common.errors import JobError
from synth.planning.clip import Clip

SIGHTING_SECONDS, FRAME_SECONDS, SAMPLE_SECONDS, DENOISE_SECONDS = 0.2, 0.075, 0.034, 0.025
"""Seconds on one core to build a sighting, render a frame, for each sample of a frame, and to denoise a frame. Measured
on a server core of 2023; others take half to twice as long."""
FRAME_BYTES, SIGHTING_BYTES, CLIP_BYTES, OUTFIT_BYTES = 16_000, 21_000, 4_000, 1_800
"""Measured mean bytes on disk of a frame with its annotations, of a sighting in the plan, with all solids of its scene,
of the folder and rows of a clip, and of each outfit in the plan beyond the first."""


def core_seconds(clips: Sequence[Clip]) -> float:
    """Estimated seconds on one core to render the clips."""
    each = (FRAME_SECONDS + clip.samples * SAMPLE_SECONDS + clip.denoise * DENOISE_SECONDS for clip in clips)
    return sum(
        len(clip.sightings) * SIGHTING_SECONDS + clip.frames * seconds
        for clip, seconds in zip(clips, each, strict=True)
    )


def disk_bytes(clips: Sequence[Clip]) -> int:
    """Estimated bytes on disk of the clips."""
    return sum(
        CLIP_BYTES
        + OUTFIT_BYTES * len(clip.identity.changes)
        + SIGHTING_BYTES * len(clip.sightings)
        + FRAME_BYTES * clip.frames
        for clip in clips
    )


def cost(clips: Sequence[Clip], cores: int) -> str:
    """One line with the estimated time on `cores` cores and the disk space."""
    hours = core_seconds(clips) / 3600
    one = "on one core"
    shared = one if cores == 1 else f"on {cores} cores ({in_hours(hours)} {one})"
    return f"about {in_hours(hours / cores)} {shared} of the kind measured, {disk_bytes(clips) / 1e9:.2f} GB of disk"


def in_hours(hours: float) -> str:
    """A duration as "1.5 hours" or "12 minutes"."""
    return f"{hours:.1f} hours" if hours >= 1 else f"{60 * hours:.0f} minutes"


def check_space(out: Path, clips: Sequence[Clip]) -> None:
    """Raise JobError if the free space of the disk under `out` is less than the estimate for the clips."""
    free, needed = shutil.disk_usage(out).free, disk_bytes(clips)
    if free < needed:
        raise JobError(
            f"{out} has room for {free / 1e6:.0f} MB, but {len(clips)} clips take about {needed / 1e6:.0f} MB: "
            "free disk space and run the same command again, or name another folder with --out"
        )
