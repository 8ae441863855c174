"""Configuration of a rendering job."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from synth.planning.factors import Factor

VIDEO_RATE = 25.0
"""Frames a second that a camera gives at most, unless --fps says otherwise."""
SLOWEST = 0.1
"""Frames a second that a camera gives at least: people walk on between two frames, and far in a long pause."""
CLIP_SECONDS = 2.0
"""How long a sighting lasts at least, unless --fps says otherwise: a person walks some three metres. With the frames
for it that is video at its full rate; a set of fewer is thinned out, and then shows people for longer."""
SIGHTINGS = 8
"""How many times a camera sees each person in a set of few frames a clip, unless --sightings says otherwise."""
VIDEO = 15
"""Frames of a clip from which on it is video, one walk from beginning to end, unless --sightings says otherwise: the
paper's network takes chunks of as many (Section 4.2)."""
Device = Literal["auto", "cpu", "cuda", "optix", "hip", "metal"]


@dataclass(frozen=True)
class Shard:
    """One machine's part of a set that several render: every `count`th person, from `number` on."""

    number: int
    """1 to count."""
    count: int

    def holds(self, person: int) -> bool:
        """Whether this part has the person numbered `person`, from 1."""
        return (person - self.number) % self.count == 0


def shard_of(text: str) -> Shard:
    """The shard written as "2/8". Raises ValueError for anything else."""
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise ValueError(f"--shard {text}: must be a part and a number of parts, such as 1/8 to 8/8")
    return Shard(int(number), int(count))


@dataclass(frozen=True)
class RenderConfig:
    """Render synthetic people on video, in PRID2011's layout, with exact annotations.

    Writes OUT/multi_shot/cam_{a,b}/person_0001/0001.png, OUT/annotations, OUT/plan.jsonl and OUT/manifest.jsonl.
    The same command goes on where a stopped one left off.
    """

    ids: int = 1000
    """Number of identities; each has one clip by each of two cameras."""

    frames: int = 50
    """Frames a clip."""

    fps: float | None = None
    """Frames a second of the cameras; by default 25 for 50 frames and more. Fewer are spread, those of each sighting,
    over two to six seconds, for as long as the person meets nothing before that camera. For clips of more than two
    seconds walks are drawn that have room for them, as far as a place has any."""

    sightings: int = 0
    """How many times a camera sees a person: each time at another spot, with ground, things, light and people of its
    own, on another walk; the frames are shared among them. 0 is 1 for clips of 15 frames and more, and with --fps or
    --camera-pairs; fewer frames, which are no video, come from up to 8."""

    seed: int = 0
    """Seed of everything that is drawn; the first N identities are the same for any --ids."""

    out: Path = Path("data/synthetic")
    """Folder of the set."""

    samples: int = 16
    """Cycles samples a pixel: fewer is faster and noisier."""

    denoise: bool = False
    """Take the grain of few samples out of the frames: 4 samples then come as near to hundreds as 16 do without."""

    workers: int = 0
    """Processes that render, one thread each; 0 is one a core, of this machine or of the cluster."""

    address: str | None = None
    """A running Ray cluster to render on, such as "auto" or "10.0.0.1:6379", in place of this machine alone. Its
    machines must all see --out and this checkout under the same paths."""

    shard: str | None = None
    """Part of the set to render, such as 2/8, for machines without Ray between them. When all parts are there, the
    same command without --shard makes one set of them."""

    device: Device = "auto"
    """What Cycles renders on; auto takes a GPU where Cycles finds one, else the CPU."""

    camera_pairs: int = 0
    """Number of fixed pairs of cameras and places that identities share; 0 gives each identity its own."""

    occlusion: float = 0.25
    """Share of clips in which something stands between the person and the camera, 0 to 1; where a clip is of several
    sightings, in the first alone, and so are other people: in all of them they make what is learnt carry less far."""

    motion: Path | None = None
    """Folder of BVH files, such as CMU's motion capture, that people move by in place of computed walks; where a
    recording goes is not looked at, and one that goes far may pass through things. The plan names their paths: keep
    them as they are until the set is whole, and at the same place on all machines."""

    without: tuple[Factor, ...] = ()
    """Kinds of variety to leave out, all else equal, to measure what each is worth: a list such as
    "[sensors,places]"."""

    plan: Path | None = None
    """A plan to render in place of one that is drawn: another set's plan.jsonl, as you have edited it. What is drawn
    by --ids, --frames, --sightings, --seed, --samples and the like is then what the file says."""

    dry_run: bool = False
    """Print what would be rendered and stop."""

    def __post_init__(self) -> None:
        """Refuse values that cannot be meant."""
        for name in ("ids", "frames", "samples"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name} {getattr(self, name)}: must be at least 1")
        if self.ids > 9999:
            raise ValueError(f"--ids {self.ids}: PRID2011's folder names hold at most 9999 persons")
        if self.fps is not None and not (math.isfinite(self.fps) and self.fps >= SLOWEST):
            raise ValueError(f"--fps {self.fps}: must be at least {SLOWEST}")
        if self.sightings > self.frames:
            raise ValueError(f"--sightings {self.sightings}: {self.frames} frames a clip are fewer")
        if self.sightings > 1 and "sightings" in self.without:
            raise ValueError(f"--sightings {self.sightings} contradicts --without sightings")
        for name in ("seed", "sightings", "workers", "camera_pairs"):
            if getattr(self, name) < 0:
                raise ValueError(f"--{name.replace('_', '-')} {getattr(self, name)}: must not be negative")
        if not 0 <= self.occlusion <= 1:
            raise ValueError(f"--occlusion {self.occlusion}: must be between 0 and 1")
        if self.shard is not None:
            shard_of(self.shard)

    @property
    def part(self) -> Shard | None:
        """The shard that --shard names."""
        return None if self.shard is None else shard_of(self.shard)

    @property
    def frames_of_sightings(self) -> tuple[int, ...]:
        """How many of a clip's frames each sighting has, in their order."""
        video = self.frames >= VIDEO or self.fps is not None or self.camera_pairs > 0
        once = video or "sightings" in self.without
        times = self.sightings or (1 if once else min(SIGHTINGS, self.frames))
        return tuple(self.frames // times + (number < self.frames % times) for number in range(times))

    def frame_rate(self, seconds: float, frames: int) -> float:
        """The rate of a camera before which the person can be for `stay` seconds, CLIP_SECONDS at least, and that takes
        `frames` meanwhile."""
        if self.fps is not None:
            return self.fps
        longest = CLIP_SECONDS * max(1.0, CLIP_SECONDS * VIDEO_RATE / frames)
        return min(VIDEO_RATE, frames / min(seconds, longest))
