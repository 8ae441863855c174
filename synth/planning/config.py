"""Options of `python -m synth.render`."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alignnet_common.options import option
from alignnet_common.set_format import CAMERAS
from synth.planning.factors import Factor

VIDEO_RATE = 25.0
"""Highest frame rate without --fps, frames a second."""
MIN_FPS = 0.1
"""Lowest frame rate, frames a second: people walk far between the frames of a lower one."""
CLIP_SECONDS = 2.0
"""Shortest duration of a sighting without --fps, in which a person walks about three metres. Fewer frames than fill it
at VIDEO_RATE have a lower rate and may be spread over a longer time."""
SIGHTINGS = 8
"""Largest number of sightings of a clip of fewer than VIDEO_FRAMES frames without --sightings."""
VIDEO_FRAMES = 15
"""Clips of at least so many frames are video, a single sighting, without --sightings. The paper trains on chunks of 15
frames (Section 4.2)."""
Device = Literal["auto", "cpu", "cuda", "optix", "hip", "metal"]


@dataclass(frozen=True)
class Shard:
    """Part of a set that one of `count` machines renders: every `count`th person, from person `number` on."""

    number: int
    """1 to count."""
    count: int

    def holds(self, person: int) -> bool:
        """Whether `person`, from 1, belongs to this part."""
        return (person - self.number) % self.count == 0


def shard_of(text: str) -> Shard:
    """The shard written as "2/8". Raises ValueError for anything else."""
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise ValueError(f"--shard {text}: must be a part and the number of parts, such as 1/8 to 8/8")
    return Shard(int(number), int(count))


@dataclass(frozen=True)
class RenderConfig:
    """Render a synthetic person re-identification set in the layout of PRID2011, with exact annotations.

    Writes OUT/multi_shot/cam_{a,b}/person_0001/0001.png, OUT/annotations, OUT/plan.jsonl and OUT/manifest.jsonl.
    The same command resumes after an interruption.
    """

    ids: int = option(1000, aliases=["--num-ids"])
    """Number of identities, each with one clip by each of two cameras; 1 to 9999."""

    frames: int = option(50, aliases=["--frames-per-clip"])
    """Frames per clip, at least 1."""

    fps: float | None = None
    """Frame rate, frames per second, at least 0.1. Default: 25 for clips of 50 frames or more; otherwise the frames of
    each sighting are spread over two to six seconds, as long as the person can walk unobstructed. Walks for clips
    longer than two seconds are chosen to fit the free space of the scene, where there is enough."""

    sightings: int = 0
    """Sightings per clip: the frames of a clip are divided among them, each with its own scene, light and walk. 0: one
    sighting for clips of 15 frames or more and with --fps or --camera-pairs, otherwise up to 8."""

    outfits: int = 1
    """Outfits of each person, 1 to the number of their sightings by both cameras: another one in each sighting, as far
    as there are so many. Body, face, hair and gait stay; clothes, shoes and accessories change. Outfit 0 is the same
    for any number."""

    seed: int = 0
    """Seed of the random draws, at least 0. The first N identities are the same for any --ids."""

    out: Path = Path("data/synthetic")
    """Output folder of the set."""

    samples: int = option(4, aliases=["--spp"])
    """Samples per pixel of Cycles, at least 1: fewer is faster. 16 or more have as little noise as the frames need with
    the other defaults, and are not denoised."""

    denoise: bool = True
    """Denoise the frames, unless --samples are as many as --noise-samples, or more."""

    noise_samples: int = 16
    """Noise that denoised frames keep: that of so many samples per pixel. 0: none, whatever --samples are."""

    workers: int | None = option(None, formerly={"workers": {0: None}})
    """Number of render processes of one thread each. Default: one per core of this machine or of the cluster."""

    address: str | None = option(None, rare=True, aliases=["--ray-address"])
    """Address of a running Ray cluster, such as "auto" or "10.0.0.1:6379"; default: this machine only. All machines of
    the cluster need --out and this checkout under the same paths."""

    shard: str | None = option(None, rare=True)
    """Part of the set to render, such as 2/8, to divide a set among machines without a Ray cluster. When all parts are
    rendered, the same command without --shard merges them."""

    device: Device = "auto"
    """Device of Cycles; auto: a GPU if Cycles finds one, otherwise the CPU."""

    camera_pairs: int = 0
    """Number of fixed camera pairs, with their scenes, that identities share; 0: one pair for each identity."""

    occlusion: float = 0.25
    """Share of clips with an occluder between person and camera, 0 to 1. Only the first sighting of a clip has
    occluders and bystanders: sets with them in all sightings transfer worse to real cameras."""

    motion: Path | None = option(None, rare=True, aliases=["--bvh-dir"])
    """Folder of BVH motion capture files, such as those of CMU, to use in place of the computed gait. The path of a
    recording is not checked against the scene: it may pass through obstacles. The plan stores the paths of the files:
    keep them unchanged, and the same on all machines, until the set is complete."""

    without: tuple[Factor, ...] = option((), aliases=["--disable"])
    """Factors of variation to leave out, with everything else equal, to measure their effect: a list such as
    sensors,places."""

    plan: Path | None = option(None, rare=True)
    """Plan to render in place of a drawn one: plan.jsonl of another set, edited or not. It replaces --ids, --frames,
    --sightings, --outfits, --seed, --samples and the other options of the content."""

    dry_run: bool = False
    """Print the number of clips and an estimate of time and disk space, and exit."""

    def __post_init__(self) -> None:
        """Raise ValueError, with the name of the option, for a value out of range or two that contradict each other."""
        for name in ("ids", "frames", "samples", "outfits"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name} {getattr(self, name)}: must be at least 1")
        if self.ids > 9999:
            raise ValueError(f"--ids {self.ids}: must be at most 9999, the largest number in PRID2011's folder names")
        if self.fps is not None and not (math.isfinite(self.fps) and self.fps >= MIN_FPS):
            raise ValueError(f"--fps {self.fps}: must be at least {MIN_FPS}")
        if self.sightings > self.frames:
            raise ValueError(f"--sightings {self.sightings}: must be at most --frames, {self.frames}")
        if self.sightings > 1 and "sightings" in self.without:
            raise ValueError(f"--sightings {self.sightings} contradicts --without sightings")
        if self.workers is not None and self.workers < 1:
            raise ValueError(f"--workers {self.workers}: must be at least 1")
        for name in ("seed", "sightings", "camera_pairs", "noise_samples"):
            if getattr(self, name) < 0:
                raise ValueError(f"--{name.replace('_', '-')} {getattr(self, name)}: must not be negative")
        if not 0 <= self.occlusion <= 1:
            raise ValueError(f"--occlusion {self.occlusion}: must be between 0 and 1")
        if self.shard is not None:
            shard_of(self.shard)
        times = len(self.frames_of_sightings)
        if self.outfits > len(CAMERAS) * times:
            raise ValueError(
                f"--outfits {self.outfits}: must be at most {len(CAMERAS) * times}, the sightings of a person "
                f"({len(CAMERAS)} cameras × {times}): lower it or raise --sightings"
            )

    @property
    def part(self) -> Shard | None:
        """The part given by --shard, None for the whole set."""
        return None if self.shard is None else shard_of(self.shard)

    @property
    def denoised(self) -> bool:
        """Whether frames are denoised: samples with no more noise than frames keep are left as they are."""
        return self.denoise and not 0 < self.noise_samples <= self.samples

    @property
    def frames_of_sightings(self) -> tuple[int, ...]:
        """Number of frames of each sighting of a clip."""
        video = self.frames >= VIDEO_FRAMES or self.fps is not None or self.camera_pairs > 0
        once = video or "sightings" in self.without
        times = self.sightings or (1 if once else min(SIGHTINGS, self.frames))
        return tuple(self.frames // times + (number < self.frames % times) for number in range(times))

    def frame_rate(self, seconds: float, frames: int) -> float:
        """Frames a second of a sighting of `frames` frames if the person can walk unobstructed for `seconds`, at least
        CLIP_SECONDS."""
        if self.fps is not None:
            return self.fps
        longest = CLIP_SECONDS * max(1.0, CLIP_SECONDS * VIDEO_RATE / frames)
        return min(VIDEO_RATE, frames / min(seconds, longest))
